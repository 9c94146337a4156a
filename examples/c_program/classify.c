/* classify MODEL.tflite PHOTO.ppm LABELS.txt: the best classes of a photo. */
#include <stdio.h>
#include <stdlib.h>

#include "edgequant_task.h"

static void check(eq_status status, const eq_error *error) {
    if (status != EQ_OK) {
        fprintf(stderr, "classify: %s\n", error->message);
        exit(2);
    }
}

static char *read_file(const char *path, size_t *size) {
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) {
        perror(path);
        exit(2);
    }
    *size = (size_t)ftell(file);
    rewind(file);
    char *bytes = malloc(*size + 1);
    if (bytes == NULL || fread(bytes, 1, *size, file) != *size) {
        perror(path);
        exit(2);
    }
    fclose(file);
    return bytes;
}

int main(int count, char **words) {
    if (count != 4) {
        fprintf(stderr, "usage: classify MODEL.tflite PHOTO.ppm LABELS.txt\n");
        return 2;
    }
    eq_error error;
    eq_model *model;
    eq_session *session;
    eq_task *task;
    eq_frame frame;
    const eq_answer *answer;
    size_t photo_size, labels_size;
    char *photo = read_file(words[2], &photo_size), *labels = read_file(words[3], &labels_size);

    check(eq_model_open_file(words[1], NULL, &model, &error), &error);
    check(eq_session_open(model, NULL, &session, &error), &error);
    check(eq_task_open(session, NULL, 0, labels, labels_size, &task, &error), &error);
    check(eq_frame_read_pnm(photo, photo_size, &frame, &error), &error);
    check(eq_task_image(task, &frame, &error), &error);
    check(eq_task_run(task, &answer, &error), &error);
    for (int i = 0; i < answer->count; i++) {
        printf("%s %.2f\n", answer->items[i].label ? answer->items[i].label : "?", answer->items[i].score);
    }
    eq_task_close(task);
    eq_session_close(session);
    eq_model_close(model);
    free(photo);
    free(labels);
    return 0;
}
