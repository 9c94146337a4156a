#include "probe.h"

#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "edgequant.h"
#include "json.h"
#include "speed.h"

enum { LINE = 256 };

/* The first line of a file, or an empty string. */
static void read_line(const char *path, char line[LINE]) {
    FILE *file = fopen(path, "r");
    line[0] = 0;
    if (file == NULL) {
        return;
    }
    if (fgets(line, LINE, file) == NULL) {
        line[0] = 0;
    }
    line[strcspn(line, "\n")] = 0;
    fclose(file);
}

/* The value of "key : value" in a file such as /proc/cpuinfo, or an empty string. */
static void read_entry(const char *path, const char *key, char value[LINE]) {
    char line[LINE];
    value[0] = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        return;
    }
    while (value[0] == 0 && fgets(line, LINE, file) != NULL) {
        const char *colon = strchr(line, ':');
        if (colon == NULL || strncmp(line, key, strlen(key)) != 0) {
            continue;
        }
        const char *text = colon + 1 + strspn(colon + 1, " \t");
        snprintf(value, LINE, "%.*s", (int)strcspn(text, "\n"), text);
    }
    fclose(file);
}

/* Boards have a device tree, PCs the firmware's tables. */
static void print_model(void) {
    char model[LINE];
    read_line("/sys/firmware/devicetree/base/model", model);
    if (model[0] == 0) {
        read_entry("/proc/cpuinfo", "Model", model);
    }
    if (model[0] == 0) {
        read_line("/sys/class/dmi/id/product_name", model);
    }
    printf("  \"model\": ");
    json_string(model);
    read_entry("/proc/cpuinfo", "model name", model);
    printf(",\n  \"cpu_name\": ");
    json_string(model);
}

static void print_system(void) {
    struct utsname system;
    unsigned long long total = 0, available = 0;
    char text[LINE];
    uname(&system);
    read_entry("/proc/meminfo", "MemTotal", text);
    sscanf(text, "%llu", &total);
    read_entry("/proc/meminfo", "MemAvailable", text);
    sscanf(text, "%llu", &available);
    printf(",\n  \"machine\": ");
    json_string(system.machine);
    printf(",\n  \"kernel\": ");
    json_string(system.release);
    printf(",\n  \"word_size\": %d,\n  \"cores\": %ld,\n", (int)sizeof(void *) * 8, sysconf(_SC_NPROCESSORS_ONLN));
    printf("  \"memory_bytes\": %llu,\n  \"memory_available_bytes\": %llu,\n", total * 1024, available * 1024);
}

static void print_cpu(void) {
    char text[2048];
    eq_cpu_json(text, sizeof text);
    printf("  \"cpu\": %s,\n", text);
#if defined(__arm__) || defined(__aarch64__)
    printf("  \"hwcap\": \"0x%lx\",\n  \"hwcap2\": \"0x%lx\",\n", getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
#endif
}

void probe_print(void) {
    printf("{\n  \"version\": \"%s\",\n", eq_version());
    print_model();
    print_system();
    print_cpu();
    const double int8 = speed_int8(), float32 = speed_float32();
    printf("  \"operations_per_second_on_one_core\": {\"int8\": %.4g, \"float32\": %.4g, \"ratio\": %.2f}\n}\n", int8, float32,
           int8 / float32);
}
