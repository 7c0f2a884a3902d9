// Convolutions as products whose rows are pixels: what lies under the kernel is read from the map itself, also where the
// map is enlarged first. The including file declares `push` with channel_bias, columns, height, width, out_height,
// out_width, kernel, step, pad, enlarge and fold.
//
// A 3x3 kernel over an enlarged map sees each pixel of the small one several times. Folded, it is four kernels of 2x2 over
// the small map, one for each of even and odd rows and columns of the result: `fold` is 0, or 4 + 2 * (odd row) + (odd
// column), and the pixels are then those of the small map.

// Sample, row and column of the map, enlarged, under a tap of the kernel; a sample of -1 outside.
ivec3 under(uint row, uint tap) {
  const uint pixels = push.out_height * push.out_width, pixel = row % pixels;
  const int y = int(pixel / push.out_width * push.step + tap / push.kernel + (push.fold >> 1 & 1)) - push.pad;
  const int x = int(pixel % push.out_width * push.step + tap % push.kernel + (push.fold & 1)) - push.pad;
  if (y < 0 || x < 0 || y >= push.height || x >= push.width) return ivec3(-1);
  return ivec3(row / pixels, y, x);
}

uint target(uint row) {
  if (push.fold == 0) return row;
  return (row / push.out_width * 2 + (push.fold >> 1 & 1)) * push.out_width * 2 + row % push.out_width * 2 + (push.fold & 1);
}

float row_bias(uint row, uint column) {
  if (!present(push.channel_bias)) return 0.0;
  return Floats(push.channel_bias).at[row / (push.out_height * push.out_width) * push.columns + column];
}
