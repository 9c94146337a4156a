/* What a run tells: for people, or as JSON. */
#ifndef REPORT_H
#define REPORT_H

#include "run.h"

void report_text(const run *done, const arguments *given);
void report_json(const run *done, const arguments *given);

#endif
