// The region of a picture that has about one colour. Pure.

/**
 * 1 for each pixel whose colour differs from that at (x, y) by at most `tolerance` (0 to 255, the largest difference of
 * a channel); of those, with `connected`, only what can be reached from there. `pixels`: RGBA, row by row.
 */
export function regionOfColour(
  pixels: Uint8ClampedArray,
  width: number,
  height: number,
  at: { x: number; y: number },
  tolerance: number,
  connected: boolean,
): Uint8Array {
  const out = new Uint8Array(width * height);
  const [x, y] = [Math.floor(at.x), Math.floor(at.y)];
  if (x < 0 || y < 0 || x >= width || y >= height) return out;
  const seed = (y * width + x) * 4;
  const [r, g, b] = [pixels[seed]!, pixels[seed + 1]!, pixels[seed + 2]!];
  const like = (i: number) =>
    Math.abs(pixels[i * 4]! - r) <= tolerance &&
    Math.abs(pixels[i * 4 + 1]! - g) <= tolerance &&
    Math.abs(pixels[i * 4 + 2]! - b) <= tolerance;
  if (!connected) {
    for (let i = 0; i < out.length; i++) out[i] = like(i) ? 1 : 0;
    return out;
  }
  // Whole runs of a row at once: the stack holds one pixel of each run that is still to be looked at.
  const stack = [y * width + x];
  while (stack.length > 0) {
    const i = stack.pop()!;
    if (out[i]) continue;
    const row = Math.floor(i / width) * width;
    let [left, right] = [i, i];
    while (left > row && !out[left - 1] && like(left - 1)) left--;
    while (right < row + width - 1 && !out[right + 1] && like(right + 1)) right++;
    out.fill(1, left, right + 1);
    for (const next of [-width, width]) {
      const from = left + next;
      if (from < 0 || from >= out.length) continue;
      for (let j = from; j <= right + next; j++) {
        if (!out[j] && like(j) && (j === from || out[j - 1] || !like(j - 1))) stack.push(j);
      }
    }
  }
  return out;
}
