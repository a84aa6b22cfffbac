// SPDX-License-Identifier: GPL-2.0-or-later
/* The same in C++. */
#include <cstddef>
#include <string>

#define KEPT __attribute__((noinline, used))

namespace typed
{
enum class code : unsigned char { ok, bad };

struct plain {
	int a, b;
};

class server
{
      public:
	KEPT int handle(long id, const std::string &text, short &&rest) const;
	KEPT static bool ready(unsigned char slot);
	KEPT std::string name(int n) const;

      private:
	int base_ = 0;
};

int server::handle(long id, const std::string &text, short &&rest) const
{
	return base_ + static_cast<int>(id) + static_cast<int>(text.size()) + rest;
}

bool server::ready(unsigned char slot)
{
	return slot > 3;
}

std::string server::name(int n) const
{
	return std::string(static_cast<size_t>(n), 'x');
}

KEPT code judge(code c, int server::*member, std::nullptr_t, int (server::*method)(int), int behind)
{
	return member && method && behind ? c : code::bad;
}

KEPT plain pair(int n)
{
	return plain{n, n};
}
} // namespace typed
