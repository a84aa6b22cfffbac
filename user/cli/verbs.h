/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs: each takes its own arguments, argv[0] being the verb, and gives the exit code. */
#ifndef LAPSE_VERBS_H
#define LAPSE_VERBS_H

int verb_stat(int argc, char **argv);
int verb_trace(int argc, char **argv);
int verb_tcp(int argc, char **argv);
int verb_watch(int argc, char **argv);
int verb_record(int argc, char **argv);
int verb_replay(int argc, char **argv);
int verb_report(int argc, char **argv);
int verb_list(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_doctor(int argc, char **argv);
/* No verb but options: argv[0] is the program. */
int verb_first(int argc, char **argv);

#endif
