/**
 * Times the workbench from outside, in the page: when an input happened (the event's own time stamp), when the page got it,
 * and when the frame that shows its effect was finished.
 *
 * A frame is finished when a task runs that was posted while its canvases were drawn: by then the browser has done style,
 * layout and paint of that frame and handed it to the compositor.
 */

(() => {
  const DRAWING = ["putImageData", "drawImage", "clearRect", "fillRect", "fill", "stroke"];
  const INPUTS = ["pointerdown", "pointermove", "pointerup", "keydown"];

  /** Layers drawn on in the frame that is being made. @type {Set<string>} */
  let drawn = new Set();
  /** @type {{at: number, got: number, type: string} | null} the last input */
  let input = null;
  /** @type {((layers: Set<string>, now: number) => boolean)[]} called after every frame; true = done */
  let waiting = [];
  const { port1, port2 } = new MessageChannel();
  port2.onmessage = () => {
    const now = performance.now();
    const layers = drawn;
    drawn = new Set();
    waiting = waiting.filter((look) => !look(layers, now));
  };

  const { prototype } = CanvasRenderingContext2D;
  for (const name of DRAWING) {
    const draw = prototype[name];
    prototype[name] = function (...values) {
      const layer = /layer-(\w+)/.exec(this.canvas.className ?? "")?.[1];
      if (layer) {
        if (!drawn.size) port1.postMessage(null);
        drawn.add(layer);
      }
      return draw.apply(this, values);
    };
  }
  for (const type of INPUTS) {
    addEventListener(
      type,
      (event) => {
        input = { at: event.timeStamp, got: performance.now(), type };
        stroke?.add(event);
      },
      { capture: true, passive: true },
    );
  }

  /** Pointer moves of a stroke whose pixels are not on screen yet. */
  class Stroke {
    /** @type {{at: number, got: number, x: number, y: number}[]} */
    open = [];
    /** @type {{waited: number, painted: number}[]} */
    samples = [];
    /** @type {number[]} */
    frames = [];

    /** @param {number} reach from the pointer to the brush's leading edge, CSS pixels, in the direction of the stroke */
    constructor(reach) {
      this.reach = reach;
      this.canvas = document.querySelector("canvas.layer-draft");
      this.box = this.canvas.getBoundingClientRect();
      this.ratio = this.canvas.width / this.box.width;
      this.context = this.canvas.getContext("2d");
      const tick = (now) => {
        this.frames.push(now);
        if (stroke === this) requestAnimationFrame(tick);
      };
      requestAnimationFrame(tick);
    }

    add(event) {
      if (event.type !== "pointermove" || !event.buttons) return;
      this.open.push({ at: event.timeStamp, got: performance.now(), x: event.clientX, y: event.clientY });
    }

    /** The leading edge was not painted before this very move. */
    look(now) {
      this.open = this.open.filter(({ at, got, x, y }) => {
        const px = Math.round((x + this.reach - this.box.left) * this.ratio);
        const py = Math.round((y - this.box.top) * this.ratio);
        if (!this.context.getImageData(px, py, 1, 1).data[3]) return true;
        this.samples.push({ waited: got - at, painted: now - at });
        return false;
      });
    }
  }
  /** @type {Stroke | null} */
  let stroke = null;

  window.probe = {
    /** The next time that the layer is drawn; resolves with milliseconds from the last input. */
    drawn(layer) {
      return new Promise((resolve) => {
        waiting.push((layers, now) => {
          if (!layers.has(layer)) return false;
          resolve({ waited: input.got - input.at, painted: now - input.at });
          return true;
        });
      });
    },
    /** The frame that shows the state on <body> as wanted: {name: value}. */
    state(wanted) {
      return new Promise((resolve) => {
        const { body } = document;
        const { port1: here, port2: there } = new MessageChannel();
        there.onmessage = () => {
          there.close();
          resolve({ waited: input.got - input.at, painted: performance.now() - input.at });
        };
        const look = () => {
          for (const [name, value] of Object.entries(wanted)) if (body.dataset[name] !== value) return;
          observer.disconnect();
          // Told while a frame is drawn, the state belongs to that frame; otherwise the next one shows it.
          if (drawn.size) here.postMessage(null);
          else requestAnimationFrame(() => here.postMessage(null));
        };
        const observer = new MutationObserver(look);
        observer.observe(body, { attributes: true });
      });
    },
    beginStroke(reach) {
      stroke = new Stroke(reach);
      const mine = stroke;
      waiting.push((layers, now) => {
        if (layers.has("draft")) mine.look(now);
        return stroke !== mine;
      });
    },
    endStroke() {
      const { samples, frames, open } = stroke;
      stroke = null;
      const gaps = frames.slice(1).map((now, index) => now - frames[index]);
      return { samples, gaps, lost: open.length };
    },
  };
})();
