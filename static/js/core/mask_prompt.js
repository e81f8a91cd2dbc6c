/** Low-resolution mask logits, as the decoder gives and takes them. */

/**
 * The masks by size, smallest first; equals keep their order. The order at low resolution is that of the masks themselves:
 * all lie in one frame, and its padding is background.
 *
 * @param {readonly ArrayLike<number>[]} logits one mask each
 * @returns {number[]} indexes
 */
export function bySize(logits) {
  const areas = logits.map((mask) => {
    let area = 0;
    for (let i = 0; i < mask.length; i++) if (mask[i] > 0) area++;
    return area;
  });
  return areas.map((_, index) => index).sort((a, b) => areas[a] - areas[b]);
}
