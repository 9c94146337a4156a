/* edgequant-run: run a model, answer with it, or say what this device can do. */
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "arguments.h"
#include "failure.h"
#include "probe.h"
#include "report.h"
#include "run.h"

static void run_and_report(const arguments *given) {
    run done = run_model(given);
    if (given->as_json) {
        report_json(&done, given);
    } else {
        report_text(&done, given);
    }
    run_close(&done);
}

int main(int count, char **words) {
    const arguments given = parse_arguments(count, words);
    if (given.probe) {
        probe_print();
    } else if (asks_for_answers(&given)) {
        answer_all(&given);
    } else {
        run_and_report(&given);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fail(EXIT_SYSTEM, "standard output cannot be written");
    }
    return EXIT_SUCCESS;
}
