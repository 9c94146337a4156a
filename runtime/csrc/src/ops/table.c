#include "table.h"

#include "prepare.h"

static const eq_operator_type types[] = { /* in the order of their codes */
    {0, "ADD", eq_prepare_binary},
    {3, "CONV_2D", eq_prepare_conv_2d},
    {4, "DEPTHWISE_CONV_2D", eq_prepare_depthwise_conv_2d},
    {8, "FLOOR", eq_prepare_unary},
    {9, "FULLY_CONNECTED", eq_prepare_fully_connected},
    {14, "LOGISTIC", eq_prepare_unary},
    {18, "MUL", eq_prepare_binary},
    {19, "RELU", eq_prepare_unary},
    {20, "RELU_N1_TO_1", eq_prepare_unary},
    {21, "RELU6", eq_prepare_unary},
    {28, "TANH", eq_prepare_unary},
    {41, "SUB", eq_prepare_binary},
    {42, "DIV", eq_prepare_binary},
    {47, "EXP", eq_prepare_unary},
    {54, "PRELU", eq_prepare_binary},
    {55, "MAXIMUM", eq_prepare_binary},
    {57, "MINIMUM", eq_prepare_binary},
    {59, "NEG", eq_prepare_unary},
    {66, "SIN", eq_prepare_unary},
    {73, "LOG", eq_prepare_unary},
    {75, "SQRT", eq_prepare_unary},
    {76, "RSQRT", eq_prepare_unary},
    {90, "FLOOR_DIV", eq_prepare_binary},
    {92, "SQUARE", eq_prepare_unary},
    {95, "FLOOR_MOD", eq_prepare_binary},
    {98, "LEAKY_RELU", eq_prepare_unary},
    {99, "SQUARED_DIFFERENCE", eq_prepare_binary},
    {101, "ABS", eq_prepare_unary},
    {104, "CEIL", eq_prepare_unary},
    {108, "COS", eq_prepare_unary},
    {111, "ELU", eq_prepare_unary},
    {116, "ROUND", eq_prepare_unary},
    {117, "HARD_SWISH", eq_prepare_unary},
    {150, "GELU", eq_prepare_unary},
    {152, "RELU_0_TO_1", eq_prepare_unary},
};

const eq_operator_type *eq_operator_type_of(int32_t code) {
    for (size_t i = 0; i < sizeof types / sizeof *types; ++i) {
        if (types[i].code == code) {
            return &types[i];
        }
    }
    return NULL;
}
