/* One operator of a graph, with everything in it that an engine may follow without looking: indices of tensors and graphs, and
 * the numbers of outputs that options repeat. */
#include <string.h>

#include "model_read.h"
#include "operator_codes.h"

enum { OPERATOR_CODE, INPUTS, OUTPUTS, OPTIONS_TYPE, OPTIONS, CUSTOM_OPTIONS, MUTATING = 7, INTERMEDIATES };
enum { LARGE_CUSTOM_OFFSET = 9, LARGE_CUSTOM_SIZE, OPTIONS_2 = 12 };
enum { CODE_DEPRECATED, CODE_CUSTOM, CODE_BUILTIN = 3 };
enum { BRANCHES_OF_CASE = 0 };

/* Operators that run other graphs of the file, and the fields of their options that number those. */
static const struct {
    int32_t code;
    bool has_options_2; /* the table is builtin_options_2 */
    int32_t fields[EQ_MAX_CALLS];
} callers[] = {
    {EQ_OP_CALL, false, {0, -1}},
    {EQ_OP_IF, false, {0, 1}},
    {EQ_OP_WHILE, false, {0, 1}},
    {EQ_OP_CALL_ONCE, false, {0, -1}},
    {EQ_OP_STABLEHLO_REDUCE, true, {1, -1}},
    {EQ_OP_STABLEHLO_SCATTER, true, {6, -1}},
    {EQ_OP_STABLEHLO_REDUCE_WINDOW, true, {5, -1}},
    {EQ_OP_STABLEHLO_SORT, true, {2, -1}},
    {EQ_OP_STABLEHLO_WHILE, true, {0, 1}},
    {EQ_OP_STABLEHLO_COMPOSITE, true, {1, -1}},
};

/* Operators that do without some of their inputs, whose index is then -1, and a bit for each of these. What an operator makes of a
 * recurrent layer's is its own. */
static const struct {
    int32_t code;
    uint64_t slots;
} optional[] = {
    {EQ_OP_CONV_2D, 1u << 2},
    {EQ_OP_DEPTHWISE_CONV_2D, 1u << 2},
    {EQ_OP_FULLY_CONNECTED, 1u << 2},
    {EQ_OP_CONV_3D, 1u << 2},
    {EQ_OP_TRANSPOSE_CONV, 1u << 3},
    {EQ_OP_CONV_3D_TRANSPOSE, 1u << 3},
    {EQ_OP_RESHAPE, 1u << 1},
    {EQ_OP_SVDF, 1u << 3},
    {EQ_OP_LSTM, ~UINT64_C(1)},
    {EQ_OP_RNN, ~UINT64_C(1)},
    {EQ_OP_UNIDIRECTIONAL_SEQUENCE_LSTM, ~UINT64_C(1)},
    {EQ_OP_UNIDIRECTIONAL_SEQUENCE_RNN, ~UINT64_C(1)},
    {EQ_OP_BIDIRECTIONAL_SEQUENCE_LSTM, ~UINT64_C(1)},
    {EQ_OP_BIDIRECTIONAL_SEQUENCE_RNN, ~UINT64_C(1)},
    {EQ_OP_CUSTOM, ~UINT64_C(0)},
};

static eq_status fail(eq_reader *reader, const eq_operator *op, const char *sentence) {
    return eq_fail(reader->error, EQ_ERROR_MODEL, "%s (operator %d): %s", op->name, (int)op->index, sentence);
}

/* Files of before 2020 have the operator's number in one byte, which newer ones fill with 127 if it is too small. */
static eq_status read_code(eq_reader *reader, uint32_t index, eq_operator *op) {
    eq_table table;
    eq_vector custom;
    if (index >= reader->codes.count) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "operator %d has the code %u, and the model has %u of them",
                       (int)op->index, (unsigned)index, (unsigned)reader->codes.count);
    }
    if (!eq_vector_table(&reader->root, &reader->codes, index, &table) || !eq_table_string(&table, CODE_CUSTOM, &custom)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the code of operator %d lies outside the file", (int)op->index);
    }
    const int32_t old = eq_table_i8(&table, CODE_DEPRECATED, 0), new = eq_table_i32(&table, CODE_BUILTIN, 0);
    op->code = old > new ? old : new;
    op->name = eq_operator_name(op->code);
    if (op->code != EQ_OP_CUSTOM) {
        return EQ_OK;
    }
    const char *name = eq_reader_name(reader, &custom);
    char *full = name == NULL ? NULL : eq_reader_take(reader, strlen(name) + sizeof "CUSTOM ", 1);
    if (full == NULL) {
        return reader->failure;
    }
    memcpy(full, "CUSTOM ", sizeof "CUSTOM ");
    op->name = strcat(full, name);
    op->custom = name;
    return EQ_OK;
}

eq_status eq_read_indices(eq_reader *reader, const eq_table *table, int32_t field, bool may_be_absent, const int32_t **indices,
                          int32_t *count) {
    eq_vector vector;
    if (!eq_table_vector(table, field, 4, &vector)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "a list of inputs or outputs lies outside the file");
    }
    *indices = eq_reader_ints(reader, &vector);
    if (*indices == NULL) {
        return reader->failure;
    }
    *count = (int32_t)vector.count;
    for (int32_t i = 0; i < *count; i++) {
        const int32_t t = (*indices)[i];
        if ((t >= 0 && t < reader->tensor_count) || (t == -1 && may_be_absent)) {
            continue;
        }
        return eq_fail(reader->error, EQ_ERROR_MODEL, "tensor %d does not exist: an operator or a graph of %d tensors names it",
                       (int)t, (int)reader->tensor_count);
    }
    return EQ_OK;
}

static bool is_graph(const eq_reader *reader, int32_t index) {
    return index >= 0 && index < reader->model->graph_count;
}

static eq_status read_branches(eq_reader *reader, const eq_table *options, const eq_operator *op) {
    eq_vector branches;
    if (!eq_table_vector(options, BRANCHES_OF_CASE, 4, &branches)) {
        return fail(reader, op, "its branches lie outside the file");
    }
    for (uint32_t i = 0; i < branches.count; i++) {
        if (!is_graph(reader, eq_vector_i32(&branches, i))) {
            return fail(reader, op, "it runs a graph that does not exist");
        }
    }
    return EQ_OK;
}

static eq_status read_calls(eq_reader *reader, const eq_table *options_2, eq_operator *op) {
    op->calls[0] = op->calls[1] = -1;
    if (op->code == EQ_OP_STABLEHLO_CASE) {
        return read_branches(reader, options_2, op);
    }
    for (size_t i = 0; i < sizeof callers / sizeof *callers; i++) {
        for (int32_t c = 0; c < EQ_MAX_CALLS && callers[i].code == op->code; c++) {
            if (callers[i].fields[c] < 0) {
                continue;
            }
            op->calls[c] = eq_table_i32(callers[i].has_options_2 ? options_2 : &op->options, callers[i].fields[c], 0);
            if (!is_graph(reader, op->calls[c])) {
                return eq_fail(reader->error, EQ_ERROR_MODEL, "%s (operator %d): it runs graph %d of %d", op->name,
                               (int)op->index, (int)op->calls[c], (int)reader->model->graph_count);
            }
        }
    }
    return EQ_OK;
}

/* Options of another operator's type would be read as zeros by some engines, and as theirs by others. */
static eq_status check_options(eq_reader *reader, const eq_table *table, const eq_operator *op) {
    const uint8_t type = eq_table_u8(table, OPTIONS_TYPE, 0);
    const int32_t own = eq_operator_options_type(op->code);
    if (type != 0 && own != 0 && type != own) {
        return eq_fail(reader->error, EQ_ERROR_MODEL,
                       "%s (operator %d): its options are those of another operator (%d, not %d)", op->name, (int)op->index,
                       (int)type, (int)own);
    }
    const bool is_cut = op->code == EQ_OP_SPLIT || op->code == EQ_OP_SPLIT_V || op->code == EQ_OP_UNPACK;
    const int32_t parts = is_cut ? op->output_count : op->input_count, said = eq_table_i32(&op->options, 0, 0);
    if ((is_cut || op->code == EQ_OP_PACK) && parts != said) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "%s (operator %d): it has %d %s, and its options say %d", op->name,
                       (int)op->index, (int)parts, is_cut ? "outputs" : "inputs", (int)said);
    }
    return EQ_OK;
}

/* Engines look no further than at the number of an operator's inputs, and die of one that is not there. */
static eq_status check_absent(eq_reader *reader, const eq_operator *op) {
    uint64_t slots = 0;
    for (size_t i = 0; i < sizeof optional / sizeof *optional; i++) {
        slots |= optional[i].code == op->code ? optional[i].slots : 0;
    }
    for (int32_t slot = 0; slot < op->input_count; slot++) {
        if (op->inputs[slot] < 0 && (slot >= 64 || !(slots >> slot & 1))) {
            return eq_fail(reader->error, EQ_ERROR_MODEL, "%s (operator %d): it lacks its input %d", op->name, (int)op->index,
                           (int)slot);
        }
    }
    return EQ_OK;
}

/* Options of custom operators stand in the table, or, in files of 2 GB and more, behind it. */
static eq_status read_rest(eq_reader *reader, const eq_table *table, eq_operator *op) {
    eq_vector custom, mutating;
    if (!eq_table_vector(table, CUSTOM_OPTIONS, 1, &custom) || !eq_table_vector(table, MUTATING, 1, &mutating)) {
        return fail(reader, op, "its options lie outside the file");
    }
    const uint64_t offset = eq_table_u64(table, LARGE_CUSTOM_OFFSET, 0), size = eq_table_u64(table, LARGE_CUSTOM_SIZE, 0);
    if (offset > reader->model->size || size > reader->model->size - offset) {
        return fail(reader, op, "its options lie outside the file");
    }
    const bool is_behind = size > 0;
    op->custom_options = is_behind ? reader->model->file + offset : custom.items;
    op->custom_options_size = is_behind ? (size_t)size : custom.count;
    return eq_read_indices(reader, table, INTERMEDIATES, true, &op->intermediates, &op->intermediate_count);
}

eq_status eq_read_operator(eq_reader *reader, const eq_table *table, eq_operator *op) {
    eq_table options_2;
    if (!eq_table_child(table, OPTIONS, &op->options) || !eq_table_child(table, OPTIONS_2, &options_2)) {
        return eq_fail(reader->error, EQ_ERROR_MODEL, "the options of operator %d lie outside the file", (int)op->index);
    }
    eq_status status = read_code(reader, eq_table_u32(table, OPERATOR_CODE, 0), op);
    if (status == EQ_OK) {
        status = eq_read_indices(reader, table, INPUTS, true, &op->inputs, &op->input_count);
    }
    if (status == EQ_OK) {
        status = eq_read_indices(reader, table, OUTPUTS, false, &op->outputs, &op->output_count);
    }
    if (status == EQ_OK) {
        status = check_absent(reader, op);
    }
    if (status == EQ_OK) {
        status = read_calls(reader, &options_2, op);
    }
    if (status == EQ_OK) {
        status = check_options(reader, table, op);
    }
    return status == EQ_OK ? read_rest(reader, table, op) : status;
}
