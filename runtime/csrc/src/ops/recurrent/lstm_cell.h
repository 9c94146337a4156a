/* One LSTM of float activations, with float or int8 weights, as a cell of a sequence. */
#ifndef EQ_LSTM_CELL_H
#define EQ_LSTM_CELL_H

#include "lstm.h"
#include "sequence.h"

extern const eq_lstm_types eq_lstm_types_f32, eq_lstm_types_hybrid;

enum { EQ_LSTM_PRODUCTS = 3 * EQ_GATES + 1 }; /* of one cell */

/* Make the cell of an LSTM that was read and checked, and tell its direction of it; its products are those from `first_product` on. What
 * the direction reads and where its output goes are not set. */
eq_status eq_lstm_cell_make(eq_plan *plan, const eq_operator *op, const eq_lstm *lstm, int32_t first_product,
                            eq_vector_products *products, eq_direction *direction);

#endif
