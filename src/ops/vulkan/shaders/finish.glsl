// What becomes of a sum of products: result = scale * activation(sum + bias) + residual. The including file defines
//   float weight_scale(uint column)         what the sums of a row of the weights are multiplied with
//   float row_bias(uint row, uint column)   added to the bias
//   uint target(uint row)                   the row of the result that a row of the product becomes
//   GATED                                   not 0: weights are [value; gate], the result value * gelu(gate)
// and RESULT_TYPE, ACTIVATION and `push` with bias, residual, result, rows, columns, scale.
void finish(uint row, uint column, float y, float gate) {
  if (row >= push.rows || column >= push.columns) return;
  y *= weight_scale(column);
  if (present(push.bias)) y += Floats(push.bias).at[column];
  if (GATED != 0) {
    gate *= weight_scale(push.columns + column);
    if (present(push.bias)) gate += Floats(push.bias).at[push.columns + column];
    y *= gelu(gate);
  }
  y = push.scale * activated(y + row_bias(row, column), ACTIVATION);
  const uint at = target(row) * push.columns + column;
  if (present(push.residual)) y += load(push.residual, RESULT_TYPE, at);
  store(push.result, RESULT_TYPE, at, y);
}
