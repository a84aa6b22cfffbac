// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Functions with C++ names: namespaces, overloads, templates, an operator. Each is called a
 * number of times of its own.
 */
#include "common.h"

#include <string>
#include <vector>

namespace trade
{
struct engine {
	PROBED long match(int price);
	PROBED long match(double price);
	PROBED long match(const std::string &symbol);
	PROBED long operator()(long quantity);
	PROBED static long limit(long quantity);
};

long engine::match(int price)
{
	__asm__ volatile("" : "+r"(price) : : "memory");
	return price;
}

long engine::match(double price)
{
	__asm__ volatile("" : : : "memory");
	return (long)price;
}

long engine::match(const std::string &symbol)
{
	__asm__ volatile("" : : : "memory");
	return (long)symbol.size();
}

long engine::operator()(long quantity)
{
	__asm__ volatile("" : "+r"(quantity) : : "memory");
	return quantity;
}

long engine::limit(long quantity)
{
	__asm__ volatile("" : "+r"(quantity) : : "memory");
	return quantity / 2;
}

template <typename T> PROBED long apply(const T &values)
{
	long sum = 0;

	for (const auto &value : values)
		sum += (long)value;
	return sum;
}

namespace risk
{
PROBED long check(long exposure)
{
	__asm__ volatile("" : "+r"(exposure) : : "memory");
	return exposure;
}
} // namespace risk
} // namespace trade

int main()
{
	const std::vector<int> whole{1, 2, 3};
	const std::vector<double> parts{1.0, 2.0};
	const std::string symbol = "LAPS";
	trade::engine engine;
	long sum = 0;

	target_ready();
	for (int i = 0; i < 10; i++)
		sum += engine.match(i);
	for (int i = 0; i < 20; i++)
		sum += engine.match((double)i);
	for (int i = 0; i < 30; i++)
		sum += engine.match(symbol);
	for (int i = 0; i < 40; i++)
		sum += engine(i);
	for (int i = 0; i < 50; i++)
		sum += trade::engine::limit(i);
	for (int i = 0; i < 60; i++)
		sum += trade::apply(whole);
	for (int i = 0; i < 70; i++)
		sum += trade::apply(parts);
	for (int i = 0; i < 80; i++)
		sum += trade::risk::check(i);
	target_done("match_int=10 match_double=20 match_string=30 call=40 limit=50 apply_int=60 "
		    "apply_double=70 check=80 sum=%ld",
		    sum);
	return 0;
}
