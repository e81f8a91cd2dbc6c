// Runs before first paint (a classic script in <head>), so that a chosen theme never flashes the other one.
// Shares its storage key with ui/theme.js.
(() => {
  try {
    const theme = localStorage.getItem("annotator.theme");
    if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
  } catch {
    // Storage can be forbidden: the system's theme then applies.
  }
})();
