/*
 * wire DELAY_US LOSS_PPM INTERFACE... - a small learning switch over AF_PACKET
 * sockets with a fixed one-way delay and random loss: what `tc netem` does, for
 * kernels without it. tests/lab/lab runs it in the bridge's namespace.
 * Partial checksums pass through unchanged thanks to PACKET_VNET_HDR.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>

#include "log.h"
#include "mem.h"
#include "str.h"

#ifndef PACKET_IGNORE_OUTGOING
#define PACKET_IGNORE_OUTGOING 23
#endif

enum {
	VNET_HEADER = 10, /* sizeof(struct virtio_net_hdr) */
	PORTS_MAX = 256,
	STATIONS_MAX = 4096,
	FRAME_BYTES_MAX = VNET_HEADER + 70000,
	BURST = 256, /* frames taken from one port before the next */
	SOCKET_BYTES = 64 << 20,
	PRIORITY = 1, /* real time: keeps the delay exact on busy cores */
};

struct packet {
	struct packet *next;
	int64_t due;
	size_t port;
	size_t len;
	unsigned char bytes[];
};

static struct packet *first, **last = &first;
static struct {
	unsigned char mac[ETH_ALEN];
	size_t port;
} stations[STATIONS_MAX];
static size_t stations_n, ports_n;
static struct pollfd ports[PORTS_MAX];

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Its index; stations_n if nobody heard of it. */
static size_t
find(const unsigned char *mac)
{
	size_t i;

	for (i = 0; i < stations_n; i++)
		if (memcmp(stations[i].mac, mac, ETH_ALEN) == 0)
			break;
	return i;
}

static void
learn(const unsigned char *mac, size_t port)
{
	size_t i = find(mac);

	if (i == stations_n) {
		if (stations_n == STATIONS_MAX)
			return;
		memcpy(stations[stations_n++].mac, mac, ETH_ALEN);
	}
	stations[i].port = port;
}

static void
put(size_t port, const struct packet *p)
{
	ssize_t n;

	do {
		n = send(ports[port].fd, p->bytes, p->len, 0);
	} while (n < 0 && errno == EINTR);
	if (n < 0 && errno != ENETDOWN && errno != ENOBUFS)
		log_line("send: %s", strerror(errno));
}

static void
deliver(const struct packet *p)
{
	const unsigned char *to = p->bytes + VNET_HEADER;
	size_t i = (to[0] & 1) != 0 ? stations_n : find(to);

	if (i < stations_n) {
		if (stations[i].port != p->port)
			put(stations[i].port, p);
		return;
	}
	for (i = 0; i < ports_n; i++)
		if (i != p->port)
			put(i, p);
}

/* Take what came in at a port. */
static void
take(size_t port, int64_t delay, uint64_t loss)
{
	static unsigned char bytes[FRAME_BYTES_MAX];
	struct packet *p;
	ssize_t n;
	int i;

	for (i = 0; i < BURST; i++) {
		n = recv(ports[port].fd, bytes, sizeof(bytes), MSG_DONTWAIT);
		if (n < VNET_HEADER + ETH_HLEN)
			return;
		learn(bytes + VNET_HEADER + ETH_ALEN, port);
		if ((uint64_t)random() % 1000000 < loss)
			continue;
		p = x_malloc(sizeof(*p) + (size_t)n);
		*p = (struct packet){
			.due = now_ns() + delay, .port = port, .len = (size_t)n
		};
		memcpy(p->bytes, bytes, (size_t)n);
		*last = p;
		last = &p->next;
	}
}

/* Hand out what is due; how long until the next one. */
static struct timespec *
hand_out(struct timespec *wait)
{
	struct packet *p;
	int64_t left;

	while ((p = first) != NULL && p->due <= now_ns()) {
		first = p->next;
		if (first == NULL)
			last = &first;
		deliver(p);
		x_free(p);
	}
	if (first == NULL)
		return NULL;
	left = first->due - now_ns();
	if (left < 0)
		left = 0;
	wait->tv_sec = (time_t)(left / 1000000000);
	wait->tv_nsec = (long)(left % 1000000000);
	return wait;
}

static int
add_port(const char *interface)
{
	const int on = 1, big = SOCKET_BYTES;
	struct sockaddr_ll at = { .sll_family = AF_PACKET,
		.sll_protocol = htons(ETH_P_ALL),
		.sll_ifindex = (int)if_nametoindex(interface) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || at.sll_ifindex == 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0 ||
	    setsockopt(
		fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0) {
		log_line("%s: %s", interface, strerror(errno));
		return -1;
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &big, sizeof(big));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &big, sizeof(big));
	ports[ports_n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	return 0;
}

int
main(int argc, char **argv)
{
	const struct sched_param priority = { .sched_priority = PRIORITY };
	uint64_t delay, loss;
	struct timespec wait;
	size_t i;
	int n;

	log_start("wire", false);
	if (argc < 4 || str_number(argv[1], 60000000, &delay) != 0 ||
	    str_number(argv[2], 1000000, &loss) != 0) {
		log_line("usage: wire DELAY_US LOSS_PPM INTERFACE...");
		return EXIT_USAGE;
	}
	for (n = 3; n < argc && ports_n < PORTS_MAX; n++)
		if (add_port(argv[n]) != 0)
			return EXIT_LOCAL;
	(void)prctl(PR_SET_TIMERSLACK, 1);
	(void)sched_setscheduler(0, SCHED_FIFO, &priority);
	srandom((unsigned)now_ns());
	for (;;) {
		if (ppoll(ports, ports_n, hand_out(&wait), NULL) <= 0)
			continue;
		for (i = 0; i < ports_n; i++)
			if (ports[i].revents & (POLLIN | POLLERR))
				take(i, (int64_t)delay * 1000, loss);
	}
}
