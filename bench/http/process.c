/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* sched_setaffinity */
/* Hosts are children of the benchmark, bound to CPU 0, ended by their pid. */
#include "http.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void bind_to_cpu(int cpu)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    (void)sched_setaffinity(0, sizeof set, &set);
}

pid_t process_start(const char *const argv[], const char *log)
{
    pid_t pid = fork();
    int fd;

    if (pid != 0)
        return pid;
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
        _exit(126);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    bind_to_cpu(0);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

void process_stop(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

static uint64_t thread_cpu_ns(pid_t pid, const char *tid)
{
    char name[96];
    unsigned long long on_cpu = 0;
    FILE *file;

    snprintf(name, sizeof name, "/proc/%d/task/%.20s/schedstat", (int)pid, tid);
    file = fopen(name, "r");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu", &on_cpu) != 1)
        on_cpu = 0;
    fclose(file);
    return on_cpu;
}

uint64_t process_cpu_ns(pid_t pid)
{
    char name[64];
    struct dirent *entry;
    uint64_t sum = 0;
    DIR *tasks;

    snprintf(name, sizeof name, "/proc/%d/task", (int)pid);
    tasks = opendir(name);
    if (tasks == NULL)
        return 0;
    while ((entry = readdir(tasks)) != NULL)
        if (entry->d_name[0] != '.')
            sum += thread_cpu_ns(pid, entry->d_name);
    closedir(tasks);
    return sum;
}

pid_t process_child(pid_t pid)
{
    char name[96];

    snprintf(name, sizeof name, "/proc/%d/task/%d/children", (int)pid, (int)pid);
    for (int i = 0; i < 500; i++) {
        FILE *file = fopen(name, "r");
        int child = 0;

        if (file != NULL && fscanf(file, "%d", &child) != 1)
            child = 0;
        if (file != NULL)
            fclose(file);
        if (child > 0)
            return child;
        usleep(10000);
    }
    fprintf(stderr, "process %d has no worker\n", (int)pid);
    exit(1);
}

static int socket_at(unsigned port, bool listener)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rv = fd < 0     ? -1
             : listener ? bind(fd, (struct sockaddr *)&address, sizeof address)
                        : connect(fd, (struct sockaddr *)&address, sizeof address);

    if (rv == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

unsigned free_port(void)
{
    struct sockaddr_in address = {0};
    socklen_t len = sizeof address;
    int fd = socket_at(0, true);

    if (fd < 0 || getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        perror("free port");
        exit(1);
    }
    close(fd);
    return ntohs(address.sin_port);
}

void await_port(unsigned port, const char *log)
{
    char command[300];

    for (int i = 0; i < 3000; i++) {
        int fd = socket_at(port, false);

        if (fd >= 0) {
            close(fd);
            return;
        }
        usleep(20000);
    }
    fprintf(stderr, "nothing listens on port %u:\n", port);
    snprintf(command, sizeof command, "tail -c 2000 '%s' >&2", log);
    (void)!system(command);
    exit(1);
}
