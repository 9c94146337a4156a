/* Answers of a task: for pictures, sound, frames from a pipe and lines of numbers. */
#ifndef ANSWER_H
#define ANSWER_H

#include "arguments.h"

/* Open the model and its task, answer all that is given, and tell on standard error how fast a stream was. */
void answer_all(const arguments *given);

#endif
