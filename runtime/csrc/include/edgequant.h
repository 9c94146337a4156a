/* edgequant: a small engine that runs .tflite models, int8 ones bit for bit the same on every CPU.
 *
 *     eq_model *model;
 *     eq_session *session;
 *     eq_error error;
 *     if (eq_model_open_file("model.tflite", NULL, &model, &error) != EQ_OK) { puts(error.message); ... }
 *     if (eq_session_open(model, NULL, &session, &error) != EQ_OK) { ... }
 *     memcpy(eq_session_input_data(session, 0), pixels, size);
 *     if (eq_session_run(session, &error) != EQ_OK) { ... }
 *     memcpy(result, eq_session_output_data(session, 0), result_size);
 *     eq_session_close(session);
 *     eq_model_close(model);
 *
 * A model may be shared: any number of sessions, on any threads, use its packed weights at the same time. A session serves
 * one thread at a time. A process that is forked between two runs may go on with its sessions, which run on one thread there. The library keeps no global state, never ends the process, and allocates nothing during a run.
 */
#ifndef EDGEQUANT_H
#define EDGEQUANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define EQ_API __attribute__((visibility("default")))

enum { EQ_MAX_RANK = 8 }; /* dimensions that a tensor may have */

typedef enum eq_status {
    EQ_OK = 0,
    EQ_ERROR_ARGUMENT = 1,    /* a call's argument is wrong: an index, a size, a shape, an unknown kernel set */
    EQ_ERROR_FILE = 2,        /* the file cannot be read */
    EQ_ERROR_MODEL = 3,       /* the bytes are no valid model, for any engine */
    EQ_ERROR_UNSUPPORTED = 4, /* a valid model with operators, types or options that this engine does not run */
    EQ_ERROR_LIMIT = 5,       /* the model would need more memory than `memory_limit` */
    EQ_ERROR_MEMORY = 6,      /* the system gave no memory, or no thread */
    EQ_ERROR_NO_SESSION = 7,  /* eq_session_run() was given NULL: nothing was run */
} eq_status;

/* Filled whenever a function returns something other than EQ_OK. May be NULL if the text is not wanted. */
typedef struct eq_error {
    int32_t status;     /* an eq_status */
    char message[2044]; /* one sentence in UTF-8, zero-terminated, cut if too long */
} eq_error;

/* The numbers are those of the .tflite format. */
typedef enum eq_type {
    EQ_FLOAT32 = 0,
    EQ_FLOAT16 = 1,
    EQ_INT32 = 2,
    EQ_UINT8 = 3,
    EQ_INT64 = 4,
    EQ_BOOL = 6,
    EQ_INT16 = 7,
    EQ_COMPLEX64 = 8, /* two float32: real, imaginary */
    EQ_INT8 = 9,
    EQ_UINT64 = 12,
    EQ_UINT32 = 15,
    EQ_UINT16 = 16,
    EQ_INT4 = 17, /* constants alone: never the type of an input or output */
    EQ_BFLOAT16 = 18,
} eq_type;

typedef struct eq_tensor_info {
    const char *
        name; /* the signature's, if one was asked for or the model has exactly one, else the tensor's; lives as long as the session */
    int32_t type; /* an eq_type */
    int32_t rank;
    int32_t shape[EQ_MAX_RANK];
    int32_t shape_signature[EQ_MAX_RANK]; /* as the file has it: -1 where the size may be chosen */
    float scale;                          /* real value = scale * (q - zero_point); 0 if the tensor is not quantized */
    int32_t zero_point;
    size_t bytes;
} eq_tensor_info;

typedef struct eq_model eq_model;
typedef struct eq_session eq_session;

/* ---- operators of your own ----
 *
 * A model may have custom operators that the engine does not know. The caller who does gives `prepare` and `run` for their names
 * when he opens the model; a name that the engine knows too is then the caller's. */

typedef struct eq_custom_tensor {
    int32_t type; /* an eq_type; int8 with a zero point 128 less where the file has uint8 */
    int32_t rank; /* -1: an input that is absent */
    int32_t shape[EQ_MAX_RANK];
    float scale; /* as in eq_tensor_info */
    int32_t zero_point;
    size_t bytes;
    void *data; /* dense, slowest dimension first. In `prepare` the values of an input that is constant, and NULL otherwise */
} eq_custom_tensor;

typedef struct eq_custom_call {
    int32_t input_count, output_count;
    eq_custom_tensor *inputs, *outputs;
    const void *options; /* the operator's in the file, a flexbuffer as a rule; NULL: none */
    size_t options_size;
    void *context; /* of the eq_custom_operator */
    /* For `prepare` to set: bytes that `run` finds at `scratch`, aligned to 64, and about how many multiply-accumulates a run is. */
    size_t scratch_bytes;
    uint64_t work;
    void *scratch;
} eq_custom_call;

typedef struct eq_custom_operator {
    const char *name;
    /* Called for each such operator whenever the model or one of its sessions is opened. It checks the inputs and their constants,
     * which come from the file, and gives every output its rank and shape; types are the file's. Otherwise it returns
     * EQ_ERROR_MODEL or EQ_ERROR_UNSUPPORTED, and sets `reason` to what goes on after "NAME (operator 3): ". */
    eq_status (*prepare)(eq_custom_call *call, const char **reason);
    /* Computes the outputs in an inference, on the thread of eq_session_run or one of the session's own; it cannot fail. Constant
     * inputs only: it runs once, when the model is opened. Several sessions may run it at the same time. */
    void (*run)(const eq_custom_call *call);
    void *context;
} eq_custom_operator;

/* What layers of floats compute with. Float32 gives the same bits on every CPU. Float16, of which a fast CPU does twice as many at
 * once, has 11 binary digits and numbers up to 65504: convolutions, fully connected layers and products of matrices compute with it, and
 * the values between them are stored in it; inputs and outputs stay as the file has them. Its results are the same bits wherever it
 * runs: with kernels for it (Raspberry Pi 5), or with "scalar", which imitates it slowly. */
typedef enum eq_precision { EQ_PRECISION_FLOAT32 = 0, EQ_PRECISION_FLOAT16 = 1 } eq_precision;

typedef struct eq_model_options {
    uint64_t memory_limit; /* bytes for packed weights and, in each session, for tensors; 0: 1 GiB */
    const char *kernels;   /* a name from eq_kernels_name, for tests and measurements; NULL: the best that this CPU runs */
    const eq_custom_operator *custom_operators; /* copied; what they point at must outlive the model */
    int32_t custom_operator_count;
    /* Of the file's signatures the one whose graph sessions run, under its names; NULL: the first graph. Every signature is a model of
     * its own: they share no packed weights, and no variables. */
    const char *signature;
    int32_t precision; /* an eq_precision; EQ_ERROR_UNSUPPORTED where the kernels lack it */
} eq_model_options;

/* The work of one inference with the file's input shapes, in multiply-accumulates or what takes about as long. It hangs on the file
 * alone: one machine tells how much of a model another is fast at. */
typedef struct eq_model_work {
    uint64_t fast;   /* in kernels that are level with other engines or ahead of them on every CPU: those of int8 */
    uint64_t slow;   /* slow on some or all of them: transposed convolutions of odd strides, recurrent layers of floats, ... */
    uint64_t floats; /* float32, 16-bit and dynamic-range layers: as fast on AArch64, slow elsewhere */
    uint64_t open_ended; /* steps that may take far longer than their work says: loops, sorts, the suppression of boxes */
} eq_model_work;

typedef struct eq_shape {
    int32_t rank;
    int32_t dims[EQ_MAX_RANK];
} eq_shape;

typedef struct eq_session_options {
    int32_t threads;              /* 1 to 256, 0 is 1; one thread starts no pool; results do not depend on it */
    bool profile;                 /* measure every step, see eq_session_profile */
    const eq_shape *input_shapes; /* one for each input, where the model leaves sizes free; NULL: as in the file, free ones 1 */
} eq_session_options;

typedef struct eq_profile_step {
    const char *operators;  /* what the step does, such as "CONV_2D" or "CONV_2D+DEPTHWISE_CONV_2D+CONV_2D" */
    int32_t first_operator; /* its place in the model */
    uint64_t runs;
    uint64_t nanoseconds; /* of all runs together */
    uint64_t macs;        /* multiply-accumulates in one run, 0 where there are none */
} eq_profile_step;

typedef struct eq_memory {
    uint64_t packed_weights; /* bytes; shared by the model's sessions */
    uint64_t arena;          /* bytes of this session's tensors and scratch */
    uint64_t plan;           /* bytes of its tables */
} eq_memory;

EQ_API const char *eq_version(void);

/* Open a model. A file is mapped and must not change while it is open; bytes in memory are not copied and must outlive the
 * model. Every operator is checked now: those that are not supported are all named in one EQ_ERROR_UNSUPPORTED. A model
 * whose free sizes cannot be 1 is opened, and not its sessions without `input_shapes`. */
EQ_API eq_status eq_model_open_file(const char *path, const eq_model_options *options, eq_model **model, eq_error *error);
EQ_API eq_status eq_model_open_memory(const void *data, size_t size, const eq_model_options *options, eq_model **model,
                                      eq_error *error);
/* Whether the bytes are a whole model: every offset, length and index in them, in all graphs, whether this engine has the
 * operators or not, and no tensor past 1 GiB. EQ_ERROR_MODEL and EQ_ERROR_LIMIT say what no engine should be given. Quick:
 * nothing is planned or packed. */
EQ_API eq_status eq_model_check_file(const char *path, eq_error *error);
EQ_API eq_status eq_model_check_memory(const void *data, size_t size, eq_error *error);
/* Sessions keep their model alive: it goes with the last of them. NULL is allowed, as it is in eq_session_close. */
EQ_API void eq_model_close(eq_model *model);
/* The name of the kernels that were chosen, such as "dotprod" or "avx512vnni". */
EQ_API const char *eq_model_kernels(const eq_model *model);
/* How many layers of floats have weights or biases that EQ_PRECISION_FLOAT16 cannot hold, past 65504: they compute with float32. */
EQ_API int32_t eq_model_layers_past_float16(const eq_model *model);
/* Tells whether another engine would be faster: it is if much of the work is slow here. */
EQ_API void eq_model_measure(const eq_model *model, eq_model_work *work);

/* The inputs before there is a session, whose `input_shapes` may need them: name, type and shapes, and no more. The name
 * lives as long as the model. */
EQ_API int32_t eq_model_input_count(const eq_model *model);
EQ_API eq_status eq_model_input_info(const eq_model *model, int32_t index, eq_tensor_info *info, eq_error *error);

/* The kernel sets that this CPU runs, slowest first; NULL past the end. The first is "scalar". */
EQ_API const char *eq_kernels_name(int32_t index);

EQ_API eq_status eq_session_open(eq_model *model, const eq_session_options *options, eq_session **session, eq_error *error);
EQ_API void eq_session_close(eq_session *session);

EQ_API int32_t eq_session_input_count(const eq_session *session);
EQ_API int32_t eq_session_output_count(const eq_session *session);
EQ_API eq_status eq_session_input_info(const eq_session *session, int32_t index, eq_tensor_info *info, eq_error *error);
EQ_API eq_status eq_session_output_info(const eq_session *session, int32_t index, eq_tensor_info *info, eq_error *error);

/* The session's own memory, good until it is closed: write inputs before each run (a run may overwrite them), read outputs
 * after it. NULL if the index is out of range. */
EQ_API void *eq_session_input_data(eq_session *session, int32_t index);
EQ_API const void *eq_session_output_data(const eq_session *session, int32_t index);

/* Let every run read an input from, or write an output to, the caller's memory of exactly `bytes` bytes (copied at the
 * run's start or end); NULL returns to the session's own. */
EQ_API eq_status eq_session_bind_input(eq_session *session, int32_t index, const void *data, size_t bytes, eq_error *error);
EQ_API eq_status eq_session_bind_output(eq_session *session, int32_t index, void *data, size_t bytes, eq_error *error);

/* What a model keeps in variables lasts until the next run; but a file with the metadata entry "edgequant.begins_anew", as the converter
 * writes of a network without a state, begins each run with its variable tensors in their initial state. */
EQ_API eq_status eq_session_run(eq_session *session, eq_error *error);
/* Set the variables of a streaming model back to their initial state. */
EQ_API void eq_session_reset(eq_session *session);

/* Copy up to `capacity` steps to `steps` (which may be NULL if capacity is 0); returns how many there are. */
EQ_API int32_t eq_session_profile(const eq_session *session, eq_profile_step *steps, int32_t capacity);
EQ_API void eq_session_memory(const eq_session *session, eq_memory *memory);

/* What the CPU has, as JSON: {"architecture", "features", "kernels", ...}; returns the length without the final zero, as
 * snprintf does. */
EQ_API size_t eq_cpu_json(char *text, size_t capacity);

#ifdef __cplusplus
}
#endif

#endif
