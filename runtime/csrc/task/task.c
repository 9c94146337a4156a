/* A task from its opening to its answers. */
#include <stdlib.h>

#include "task.h"

static eq_status open_task(eq_task *task, const char *json, size_t size, const char *labels, size_t labels_size,
                           eq_error *error) {
    eq_spec_unsaid(&task->spec);
    eq_status status = json != NULL ? eq_spec_read(json, size, &task->memory, &task->spec, error) : EQ_OK;
    if (status == EQ_OK && labels != NULL) {
        status = eq_labels_read(labels, labels_size, &task->memory, &task->spec.labels, error);
    }
    if (status != EQ_OK || (status = eq_infer(task, error)) != EQ_OK || (status = eq_input_open(task, error)) != EQ_OK) {
        return status;
    }
    return eq_output_open(task, error);
}

eq_status eq_task_open(eq_session *session, const char *json, size_t size, const char *labels, size_t labels_size,
                       eq_task **task, eq_error *error) {
    *task = calloc(1, sizeof **task);
    if (*task == NULL) {
        return eq_fail(error, EQ_ERROR_MEMORY, "there is no memory for the task");
    }
    (*task)->session = session;
    const eq_status status = open_task(*task, json, size, labels, labels_size, error);
    if (status != EQ_OK) {
        eq_task_close(*task);
        *task = NULL;
    }
    return status;
}

void eq_task_close(eq_task *task) {
    if (task != NULL) {
        eq_resizer_free(task->image.resizer);
        eq_memory_free(&task->memory);
        free(task);
    }
}

void eq_task_describe(const eq_task *task, eq_task_info *info) {
    *info = (eq_task_info){.input = task->spec.input,
                           .output = task->spec.output,
                           .width = task->image.width,
                           .height = task->image.height,
                           .rate = task->spec.audio.rate,
                           .columns = task->history.width,
                           .rows = task->history.rows,
                           .step = task->history.step,
                           .label_count = task->spec.labels.count};
}

eq_status eq_task_run(eq_task *task, const eq_answer **answer, eq_error *error) {
    if (task->input_values != NULL) { /* now: a run may overwrite its input */
        eq_decode(&task->encoder, eq_session_input_data(task->session, 0), task->input_values,
                  eq_elements(&task->encoder.info));
    }
    const eq_status status = eq_session_run(task->session, error);
    if (status != EQ_OK) {
        return status;
    }
    for (int32_t i = 0; i < task->output_count; i++) {
        eq_reals_read(task->session, i, &task->outputs[i]);
    }
    eq_output_answer(task);
    *answer = &task->answer;
    return EQ_OK;
}

void eq_task_reset(eq_task *task) {
    eq_history_reset(&task->history);
    task->audio.filled = task->audio.skip = 0;
    if (task->audio.micro != NULL) {
        eq_micro_reset(task->audio.micro);
    }
    eq_session_reset(task->session);
}
