#include "npy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "failure.h"

enum { HEADER_MAX = 65536, START_BYTES = 8 };
static const char magic[6] = {'\x93', 'N', 'U', 'M', 'P', 'Y'};

/* ---- reading ---- */

static void read_exactly(npy_file *npy, void *to, size_t bytes) {
    if (fread(to, 1, bytes, npy->file) != bytes) {
        fail(EXIT_USER, "%s is cut off: it ends before its array does", npy->path);
    }
}

static size_t header_bytes(npy_file *npy) {
    uint8_t start[START_BYTES], length[4] = {0};
    if (fread(start, 1, sizeof start, npy->file) != sizeof start || memcmp(start, magic, sizeof magic) != 0) {
        fail(EXIT_USER, "%s is no .npy file: save the array with numpy.save", npy->path);
    }
    if (start[6] < 1 || start[6] > 3) {
        fail(EXIT_USER, "%s has version %d of the .npy format, which is not known", npy->path, start[6]);
    }
    read_exactly(npy, length, start[6] == 1 ? 2 : 4);
    const size_t bytes = length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 | (size_t)length[3] << 24;
    if (bytes > HEADER_MAX) {
        fail(EXIT_USER, "%s is damaged: its header has %zu bytes", npy->path, bytes);
    }
    return bytes;
}

/* What follows "'key':" in the header, which is a Python dictionary with three keys. */
static const char *value_of(const npy_file *npy, const char *header, const char *key) {
    const char *found = strstr(header, key);
    if (found == NULL) {
        fail(EXIT_USER, "%s is damaged: its header has no %s", npy->path, key);
    }
    found += strlen(key);
    found += strspn(found, " :");
    return found;
}

static void read_type(npy_file *npy, const char *value) {
    char descr[8] = "";
    if (sscanf(value, "'%7[^']'", descr) != 1 || strlen(descr) < 2) {
        fail(EXIT_USER, "%s holds no numbers, but records or objects", npy->path);
    }
    npy->type = type_by_descr(descr);
    if (npy->type == NULL) {
        fail(EXIT_USER, "%s holds values of type %s, which no model takes", npy->path, descr);
    }
}

static void read_shape(npy_file *npy, const char *value) {
    if (*value != '(') {
        fail(EXIT_USER, "%s is damaged: its header has no shape", npy->path);
    }
    for (value++; *value != ')'; value += strspn(value, ", ")) {
        char *end;
        errno = 0;
        const long long size = strtoll(value, &end, 10);
        if (end == value || errno != 0 || size < 1 || size > INT32_MAX) {
            fail(EXIT_USER, "%s has an empty or damaged shape", npy->path);
        }
        if (npy->rank == EQ_MAX_RANK) {
            fail(EXIT_USER, "%s has more than %d dimensions", npy->path, EQ_MAX_RANK);
        }
        npy->dims[npy->rank++] = (int32_t)size;
        value = end;
    }
}

npy_file npy_open(const char *path) {
    npy_file npy = {.path = path, .file = fopen(path, "rb")};
    if (npy.file == NULL) {
        fail(EXIT_USER, "%s cannot be read: %s", path, strerror(errno));
    }
    const size_t bytes = header_bytes(&npy);
    char *header = calloc(1, bytes + 1);
    if (header == NULL) {
        fail(EXIT_SYSTEM, "there is no memory for the header of %s", path);
    }
    read_exactly(&npy, header, bytes);
    read_type(&npy, value_of(&npy, header, "'descr'"));
    read_shape(&npy, value_of(&npy, header, "'shape'"));
    if (strncmp(value_of(&npy, header, "'fortran_order'"), "False", 5) != 0) {
        fail(EXIT_USER, "%s is in Fortran order: save numpy.ascontiguousarray of it", path);
    }
    free(header);
    return npy;
}

void npy_read(npy_file *npy, void *values, size_t bytes) {
    read_exactly(npy, values, bytes);
    if (fgetc(npy->file) != EOF) {
        fail(EXIT_USER, "%s is damaged: it holds more than its shape says", npy->path);
    }
    fclose(npy->file);
    npy->file = NULL;
}

/* ---- writing ---- */

static bool write_array(FILE *file, const eq_tensor_info *info, const void *values) {
    char header[512], shape[SHAPE_TEXT + 2 * EQ_MAX_RANK] = "";
    int length = 0;
    for (int32_t i = 0; i < info->rank; i++) {
        length += sprintf(shape + length, i == 0 ? "%d," : " %d,", (int)info->shape[i]);
    }
    if (info->rank > 1) {
        shape[length - 1] = 0; /* (3,) but (3, 4) */
    }
    length = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }",
                      type_by_number(info->type)->descr, shape);
    const int total = (START_BYTES + 2 + length + 1 + 63) / 64 * 64, header_length = total - START_BYTES - 2;
    const uint8_t start[4] = {1, 0, (uint8_t)(header_length % 256), (uint8_t)(header_length / 256)};
    return fwrite(magic, 1, sizeof magic, file) == sizeof magic && fwrite(start, 1, sizeof start, file) == sizeof start &&
           fprintf(file, "%-*s\n", header_length - 1, header) == header_length &&
           fwrite(values, 1, info->bytes, file) == info->bytes;
}

static void write_or_fail(const char *path, FILE *file, const eq_tensor_info *info, const void *values, const char *temporary) {
    bool written = file != NULL && write_array(file, info, values);
    int reason = errno;
    if (file != NULL && fclose(file) != 0 && written) {
        written = false;
        reason = errno;
    }
    if (written) {
        return;
    }
    if (temporary != NULL && file != NULL) {
        unlink(temporary);
    }
    fail(reason == ENOSPC || reason == EIO ? EXIT_SYSTEM : EXIT_USER, "%s cannot be written: %s", path, strerror(reason));
}

void npy_write(const char *path, const eq_tensor_info *info, const void *values) {
    struct stat about;
    if (stat(path, &about) == 0 && !S_ISREG(about.st_mode)) { /* a pipe or a device keeps its name */
        write_or_fail(path, fopen(path, "wb"), info, values, NULL);
        return;
    }
    const size_t room = strlen(path) + 32;
    char *temporary = malloc(room);
    if (temporary == NULL) {
        fail(EXIT_SYSTEM, "there is no memory to write %s", path);
    }
    snprintf(temporary, room, "%s.%ld.partial", path, (long)getpid());
    const int descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    write_or_fail(path, descriptor < 0 ? NULL : fdopen(descriptor, "wb"), info, values, temporary);
    if (rename(temporary, path) != 0) {
        const int reason = errno;
        unlink(temporary);
        fail(EXIT_USER, "%s cannot be written: %s", path, strerror(reason));
    }
    free(temporary);
}
