// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A service with something wrong in it:
 *
 *     service lock   workers match orders under a mutex that another thread holds while it rebuilds an index
 *     service hot    a worker asks a warehouse through a pipe, which answers within microseconds
 *     service slow   workers price orders, which takes a slow function
 *     service idle   nothing comes
 *
 * Besides, a pool of threads waits for work that never comes.
 */
#include "common.h"

#include <condition_variable>
#include <mutex>
#include <pthread.h>
#include <string>
#include <thread>
#include <vector>

namespace shop
{

static std::mutex book, queue;
static std::condition_variable wanted;
static bool has_work;
static int question[2], answer[2];

static void nap(long milliseconds)
{
	struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};

	nanosleep(&time, NULL);
}

class OrderBook
{
      public:
	/* Holds everyone up. */
	PROBED void rebuild_index()
	{
		std::lock_guard<std::mutex> guard(book);

		nap(50);
		passes++;
	}

	PROBED void match_order()
	{
		std::lock_guard<std::mutex> guard(book);

		matched++;
	}

	PROBED void ask_warehouse()
	{
		char word = 'w';

		if (write(question[1], &word, 1) != 1 || read(answer[0], &word, 1) != 1)
			_exit(1);
	}

	/* Computes far too much. */
	PROBED double price_order(long n)
	{
		volatile double sum = 0;

		for (long i = 1; i < n; i++)
			sum = sum + 1.0 / (double)i;
		return sum;
	}

	long matched = 0, passes = 0;
};

static OrderBook orders;

PROBED void pool_run()
{
	std::unique_lock<std::mutex> lock(queue);

	wanted.wait(lock, [] { return has_work; });
}

static void named(const char *name)
{
	pthread_setname_np(pthread_self(), name);
}

static void worker(const std::string &mode)
{
	named("worker");
	for (;;) {
		if (mode == "lock")
			orders.match_order();
		else if (mode == "hot")
			orders.ask_warehouse();
		else if (mode == "slow")
			orders.price_order(1000000);
		if (mode != "hot")
			nap(mode == "idle" ? 3600 * 1000 : 1);
	}
}

static void rebuilder()
{
	named("rebuilder");
	for (;;) {
		orders.rebuild_index();
		nap(2);
	}
}

static void warehouse()
{
	char word;

	named("warehouse");
	while (read(question[0], &word, 1) == 1 && write(answer[1], &word, 1) == 1)
		;
}

} // namespace shop

int main(int argc, char **argv)
{
	std::string mode = argc > 1 ? argv[1] : "";
	std::vector<std::thread> threads;

	if (mode != "lock" && mode != "hot" && mode != "slow" && mode != "idle")
		return 2;
	if (pipe(shop::question) || pipe(shop::answer))
		return 1;
	for (int i = 0; i < 6; i++)
		threads.emplace_back([] {
			shop::named("pool");
			shop::pool_run();
		});
	for (int i = 0; i < (mode == "slow" || mode == "hot" ? 1 : 2); i++)
		threads.emplace_back(shop::worker, mode);
	if (mode == "lock")
		threads.emplace_back(shop::rebuilder);
	if (mode == "hot")
		threads.emplace_back(shop::warehouse);
	printf("ready %d\n", getpid());
	fflush(stdout);
	/* As long as nobody ends it. */
	while (getchar() != EOF)
		;
	_exit(0);
}
