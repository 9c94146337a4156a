/* What this device is and can do. */
#ifndef PROBE_H
#define PROBE_H

/* Print it as JSON; takes about half a second. */
void probe_print(void);

#endif
