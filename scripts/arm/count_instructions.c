/* A QEMU plugin (API of QEMU 7) that counts the instructions of an arm64 program, whole and between two marks.
 *
 *     gcc -shared -fPIC -O2 -o libinsn.so count_instructions.c
 *     qemu-aarch64 -plugin ./libinsn.so,blocks=FILE -cpu cortex-a72 PROGRAM
 *
 * A program marks by getpriority(77, 1) and (77, 2), which fail and do nothing else. At its end "insns: N" is printed on
 * stderr, at the second mark "marked: N", those since the first; then FILE, if one is named, gets a line for each block of
 * code that was executed between the marks: executions, and its instructions as hexadecimal words without spaces.
 *
 * The declarations are those of qemu-plugin.h, which Debian's qemu-user does not bring. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info;
enum qemu_plugin_op { QEMU_PLUGIN_INLINE_ADD_U64 };
typedef void (*syscall_callback)(qemu_plugin_id_t, unsigned, int64_t, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                 uint64_t, uint64_t, uint64_t);
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, enum qemu_plugin_op, void *, uint64_t);
void qemu_plugin_register_vcpu_syscall_cb(qemu_plugin_id_t, syscall_callback);
void qemu_plugin_register_atexit_cb(qemu_plugin_id_t, void (*)(qemu_plugin_id_t, void *), void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

enum { GETPRIORITY = 141, OURS = 77, BEGIN = 1, END = 2 };

typedef struct block {
    struct block *next;
    uint64_t executions;
    size_t count;
    uint32_t code[];
} block;

__attribute__((visibility("default"))) int qemu_plugin_version = 1;
static uint64_t instructions, at_begin;
static block *blocks;  // only if they are to be written
static char *output;

static void block_translated(qemu_plugin_id_t id, struct qemu_plugin_tb *translated) {
    (void)id;
    const size_t count = qemu_plugin_tb_n_insns(translated);
    qemu_plugin_register_vcpu_tb_exec_inline(translated, QEMU_PLUGIN_INLINE_ADD_U64, &instructions, count);
    block *added = output ? calloc(1, sizeof *added + count * sizeof added->code[0]) : NULL;
    if (!added) {
        return;
    }
    added->count = count;
    for (size_t i = 0; i < count; i++) {
        memcpy(&added->code[i], qemu_plugin_insn_data(qemu_plugin_tb_get_insn(translated, i)), sizeof added->code[i]);
    }
    do {
        added->next = blocks;
    } while (!__sync_bool_compare_and_swap(&blocks, added->next, added));
    qemu_plugin_register_vcpu_tb_exec_inline(translated, QEMU_PLUGIN_INLINE_ADD_U64, &added->executions, 1);
}

static void begin(void) {
    at_begin = instructions;
    for (block *each = blocks; each; each = each->next) {
        each->executions = 0;
    }
}

static void end(void) {
    fprintf(stderr, "marked: %" PRIu64 "\n", instructions - at_begin);
    FILE *file = output ? fopen(output, "w") : NULL;
    if (!file) {
        return;
    }
    for (const block *each = blocks; each; each = each->next) {
        if (each->executions) {
            fprintf(file, "%" PRIu64 " ", each->executions);
            for (size_t i = 0; i < each->count; i++) {
                fprintf(file, "%08" PRIx32, each->code[i]);
            }
            fputc('\n', file);
        }
    }
    fclose(file);
}

static void called(qemu_plugin_id_t id, unsigned cpu, int64_t number, uint64_t which, uint64_t mark, uint64_t a3, uint64_t a4,
                   uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8) {
    (void)id, (void)cpu, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number == GETPRIORITY && which == OURS) {
        if (mark == BEGIN) {
            begin();
        } else if (mark == END) {
            end();
        }
    }
}

static void finished(qemu_plugin_id_t id, void *unused) {
    (void)id, (void)unused;
    fprintf(stderr, "insns: %" PRIu64 "\n", instructions);
}

__attribute__((visibility("default"))) int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info, int argc,
                                                               char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "blocks=", 7)) {
            output = strdup(argv[i] + 7);
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, block_translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    qemu_plugin_register_atexit_cb(id, finished, NULL);
    return 0;
}
