/* The provider of `make bench-gateway`: one process on one core that answers chats in OpenAI's dialect at once, or as a
 * stream of pieces at a pace, and counts what it was asked. Compiled, so that it is never what is measured.
 *
 *   provider PIECES MICROSECONDS      prints its port; SIGTERM ends it
 *
 * An embedding of one text is the same four numbers. A body with "stream": true gets a stream: its head at once, PIECES pieces each MICROSECONDS after the one before, its
 * end with the last of them; with usage where `include_usage` was asked for. GET /seen says what it has had.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 16384, ROOM = 32768, EVENTS = 512 };

struct connection {
    char in[ROOM], out[ROOM];
    size_t in_length, out_length, out_sent;
    int waiting; /* until the other side reads on */
    int streaming, left, with_usage;
    long due;
    int before, after; /* in the queue of streams; -1: none */
};

static struct connection *all[CONNECTIONS];
static int first = -1, last = -1; /* every stream has the same pace, so the queue is in order of what is due */
static int poll_set, pieces;
static long pace;
static unsigned long plain_calls, stream_calls, whole_streams, embeddings_calls;

static const char COMPLETION[] =
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"fixed\",\"choices\":[{"
    "\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"Hello! How can I help?\"},\"finish_reason\":"
    "\"stop\"}],\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":1,\"total_tokens\":3}}";
#define VECTORS(vector) \
    "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":" vector "}]," \
    "\"model\":\"fixed\",\"usage\":{\"prompt_tokens\":2,\"total_tokens\":2}}"
static const char FLOATS[] = VECTORS("[0.5,0.5,0.5,0.5]");
static const char BASE64[] = VECTORS("\"AAAAPwAAAD8AAAA/AAAAPw==\"");
static const char MODELS[] =
    "{\"object\":\"list\",\"data\":[{\"id\":\"fixed\",\"object\":\"model\",\"created\":1700000000,\"owned_by\":\"us\"}]}";
static const char STREAM_HEAD[] =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
#define PIECE(choice) \
    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"fixed\"," \
    "\"choices\":[" choice "]"
static const char FIRST[] =
    PIECE("{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}") "}\n\n";
static const char MIDDLE[] = PIECE("{\"index\":0,\"delta\":{\"content\":\" word\"},\"finish_reason\":null}") "}\n\n";
static const char STOP[] = PIECE("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}") "}\n\n";
static const char DONE[] = "data: [DONE]\n\n";

static long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000000L + time.tv_nsec / 1000;
}

static void enqueue(int fd) {
    struct connection *it = all[fd];
    it->due = now() + pace;
    it->before = last;
    it->after = -1;
    *(last < 0 ? &first : &all[last]->after) = fd;
    last = fd;
}

static void dequeue(int fd) {
    struct connection *it = all[fd];
    *(it->before < 0 ? &first : &all[it->before]->after) = it->after;
    *(it->after < 0 ? &last : &all[it->after]->before) = it->before;
}

static void leave(int fd) {
    if (all[fd]->streaming) dequeue(fd);
    free(all[fd]);
    all[fd] = NULL;
    close(fd);
}

static void watch(int fd, int operation, unsigned events) {
    struct epoll_event event = {.events = events, .data.fd = fd};
    epoll_ctl(poll_set, operation, fd, &event);
}

/* Sends what is to be sent; 0 where the connection has ended. */
static int flush(int fd) {
    struct connection *it = all[fd];
    while (it->out_sent < it->out_length) {
        ssize_t sent = send(fd, it->out + it->out_sent, it->out_length - it->out_sent, MSG_NOSIGNAL);
        if (sent < 0 && errno == EAGAIN) {
            if (!it->waiting) watch(fd, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
            it->waiting = 1;
            return 1;
        }
        if (sent < 0) {
            leave(fd);
            return 0;
        }
        it->out_sent += (size_t)sent;
    }
    if (it->waiting) watch(fd, EPOLL_CTL_MOD, EPOLLIN);
    it->waiting = 0;
    it->out_length = it->out_sent = 0;
    return 1;
}

static void add(struct connection *it, const char *data, size_t length) {
    if (it->out_length + length > ROOM) abort(); /* longer than any stream that PIECES allows */
    memcpy(it->out + it->out_length, data, length);
    it->out_length += length;
}

static void add_event(struct connection *it, const char *event, size_t length) {
    char size[24];
    add(it, size, (size_t)snprintf(size, sizeof size, "%zx\r\n", length));
    add(it, event, length);
    add(it, "\r\n", 2);
}

static void add_answer(struct connection *it, const char *body) {
    char head[128];
    const char *form = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %zu\r\n\r\n";
    add(it, head, (size_t)snprintf(head, sizeof head, form, strlen(body)));
    add(it, body, strlen(body));
}

static void add_end(struct connection *it) {
    char usage[512];
    const char *form = PIECE("") ",\"usage\":{\"prompt_tokens\":2,\"completion_tokens\":%d,\"total_tokens\":%d}}\n\n";
    add_event(it, STOP, sizeof STOP - 1);
    if (it->with_usage) add_event(it, usage, (size_t)snprintf(usage, sizeof usage, form, pieces, pieces + 2));
    add_event(it, DONE, sizeof DONE - 1);
    add(it, "0\r\n\r\n", 5);
}

static int says_true(const char *body, size_t length, const char *field) {
    const char *found = memmem(body, length, field, strlen(field));
    if (!found) return 0;
    for (found += strlen(field); found < body + length && (*found == ' ' || *found == ':'); found++) {}
    return found + 4 <= body + length && memcmp(found, "true", 4) == 0;
}

static void answer_chat(int fd, const char *body, size_t length) {
    struct connection *it = all[fd];
    if (!says_true(body, length, "\"stream\"")) {
        plain_calls++;
        add_answer(it, COMPLETION);
        return;
    }
    stream_calls++;
    it->with_usage = says_true(body, length, "\"include_usage\"");
    it->left = pieces;
    it->streaming = 1;
    add(it, STREAM_HEAD, sizeof STREAM_HEAD - 1);
    add_event(it, FIRST, sizeof FIRST - 1);
    enqueue(fd);
}

/* How long the request at the front is; 0 where it is not whole yet. `body` is set to where its body begins. */
static size_t whole_request(struct connection *it, size_t *body) {
    const char *end = memmem(it->in, it->in_length, "\r\n\r\n", 4);
    if (!end) return 0;
    size_t length = 0;
    *body = (size_t)(end - it->in) + 4;
    for (const char *line = it->in; line < end; line++) {
        line = memchr(line, '\n', (size_t)(end + 1 - line));
        if (!line) break;
        if (strncasecmp(line + 1, "content-length:", 15) == 0) length = strtoul(line + 16, NULL, 10);
    }
    return it->in_length < *body + length ? 0 : *body + length;
}

static void answer(int fd) {
    struct connection *it = all[fd];
    size_t body = 0, length;
    while (!it->streaming && (length = whole_request(it, &body)) > 0) {
        if (it->in[0] == 'P' && memmem(it->in, body, "/embeddings ", 12)) {
            embeddings_calls++;
            add_answer(it, memmem(it->in + body, length - body, "\"base64\"", 8) ? BASE64 : FLOATS);
        } else if (it->in[0] == 'P') {
            answer_chat(fd, it->in + body, length - body);
        } else if (memmem(it->in, body, "/seen ", 6)) {
            char seen[192];
            const char *form = "{\"plain\":%lu,\"streams\":%lu,\"whole_streams\":%lu,\"embeddings\":%lu}";
            snprintf(seen, sizeof seen, form, plain_calls, stream_calls, whole_streams, embeddings_calls);
            add_answer(it, seen);
        } else {
            add_answer(it, MODELS);
        }
        it->in_length -= length;
        memmove(it->in, it->in + length, it->in_length);
    }
}

static void read_on(int fd) {
    struct connection *it = all[fd];
    ssize_t got = recv(fd, it->in + it->in_length, ROOM - it->in_length - 1, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) { /* also where a request is longer than there is room for */
        leave(fd);
        return;
    }
    it->in_length += (size_t)got;
    it->in[it->in_length] = 0;
    answer(fd);
    flush(fd);
}

static void take(int listening) {
    int fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK), yes = 1;
    if (fd < 0) return;
    if (fd >= CONNECTIONS || !(all[fd] = calloc(1, sizeof *all[fd]))) {
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    watch(fd, EPOLL_CTL_ADD, EPOLLIN);
}

/* Sends each piece that is due; how many microseconds until the next one is, -1 where none is to come. */
static long send_due(void) {
    long at = now();
    while (first >= 0 && all[first]->due <= at) {
        int fd = first;
        struct connection *it = all[fd];
        dequeue(fd);
        add_event(it, MIDDLE, sizeof MIDDLE - 1);
        if (--it->left > 0) {
            enqueue(fd);
        } else {
            it->streaming = 0;
            whole_streams++;
            add_end(it);
            answer(fd);
        }
        flush(fd);
    }
    return first < 0 ? -1 : all[first]->due - at;
}

static int listen_somewhere(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listening, (struct sockaddr *)&address, length) || listen(listening, 4096)) {
        perror("provider");
        exit(1);
    }
    getsockname(listening, (struct sockaddr *)&address, &length);
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listening;
}

int main(int count, char **words) {
    if (count != 3 || (pieces = atoi(words[1])) < 1 || pieces > 100 || (pace = atol(words[2])) < 1) {
        fputs("usage: provider PIECES MICROSECONDS\n", stderr);
        return 2;
    }
    poll_set = epoll_create1(0);
    int listening = listen_somewhere();
    watch(listening, EPOLL_CTL_ADD, EPOLLIN);
    for (;;) {
        struct epoll_event events[EVENTS];
        long wait = send_due(); /* finer than the milliseconds of epoll_wait */
        struct timespec time = {.tv_sec = wait / 1000000, .tv_nsec = wait % 1000000 * 1000};
        int ready = epoll_pwait2(poll_set, events, EVENTS, wait < 0 ? NULL : &time, NULL);
        for (int each = 0; each < ready; each++) {
            int fd = events[each].data.fd;
            if (fd == listening) {
                take(listening);
                continue;
            }
            if (all[fd] && events[each].events & EPOLLOUT && !flush(fd)) continue;
            if (all[fd] && events[each].events & (EPOLLIN | EPOLLERR | EPOLLHUP)) read_on(fd);
        }
    }
}
