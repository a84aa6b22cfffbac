// SPDX-License-Identifier: GPL-2.0-or-later
/* Where an entry probe is put, over small functions assembled by hand. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe/placement.h"
#include "probe/walk.h"

#define BASE 0x1000
#define DATA 0x2000

static struct decoder *decoder;

/* A table that lies at DATA. */
static const uint8_t *data;
static size_t data_size;

static size_t read_data(const void *context, uint64_t addr, void *buffer, size_t size)
{
	(void)context;
	if (addr < DATA || addr - DATA >= data_size)
		return 0;
	if (size > data_size - (addr - DATA))
		size = data_size - (addr - DATA);
	memcpy(buffer, data + (addr - DATA), size);
	return size;
}

static struct body make_body(const uint8_t *code, size_t size)
{
	return (struct body){
		.parts = {{.addr = BASE, .bytes = (uint8_t *)code, .size = size}},
		.n_parts = 1,
		.sized = true,
		.read = read_data,
	};
}

static struct placement place(const uint8_t *code, size_t size)
{
	struct body body = make_body(code, size);
	struct placement placement;

	assert_int_equal(placement_choose(&body, decoder, false, &placement), 0);
	return placement;
}

#define EXPECT(code, offset, class, intact)                          \
	do {                                                         \
		struct placement placed = place(code, sizeof(code)); \
		assert_int_equal(placed.addr - BASE, offset);        \
		assert_int_equal(placed.cls, class);                 \
		assert_int_equal(placed.args_intact, intact);        \
	} while (0)

/* Why it is single-stepped, in words that have @word; none where it is cheap. */
static void expect_stays(const uint8_t *code, size_t size, const char *word)
{
	const char *stays = place(code, size).stays;

	if (!word)
		assert_null(stays);
	else
		assert_true(stays && strstr(stays, word));
}

static void test_says_why(void **state)
{
	static const uint8_t push[] = {0x55, 0x48, 0x89, 0xe5, 0x5d, 0xc3};
	static const uint8_t moved[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x5d, 0xc3};
	static const uint8_t sub[] = {0x48, 0x83, 0xec, 0x08, 0xe8, 0, 0, 0, 0, 0x48, 0x83, 0xc4, 0x08, 0xc3};
	static const uint8_t ret[] = {0x31, 0xc0, 0xc3, 0x55};
	static const uint8_t loop[] = {0x31, 0xc0, 0x85, 0xff, 0x74, 0x04, 0xff, 0xcf, 0xeb, 0xfa, 0xc3};
	static const uint8_t torn[] = {0x31, 0xc0, 0x55, 0x0f};
	/* nop10; mov eax, 1; ret: moved, but to no cheap place */
	static const uint8_t dear[] = {0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, 0xb8, 1, 0, 0, 0, 0xc3};

	(void)state;
	expect_stays(push, sizeof(push), NULL);
	expect_stays(moved, sizeof(moved), NULL);
	expect_stays(sub, sizeof(sub), "stack pointer");
	expect_stays(ret, sizeof(ret), "returns");
	expect_stays(loop, sizeof(loop), "branch");
	expect_stays(torn, sizeof(torn), "decoded");
	expect_stays(dear, sizeof(dear), "returns");
	assert_int_equal(place(moved, sizeof(moved)).entry_cls, LAPSE_CLASS_STEPPED);
	assert_int_equal(place(push, sizeof(push)).entry_cls, LAPSE_CLASS_EMULATED);
}

static void test_stays_on_cheap_entries(void **state)
{
	static const uint8_t push[] = {0x55, 0x48, 0x89, 0xe5, 0x5d, 0xc3};
	static const uint8_t push_r12[] = {0x41, 0x54, 0x41, 0x5c, 0xc3};
	static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00, 0x55, 0x5d, 0xc3};
	static const uint8_t jump[] = {0xeb, 0x00, 0xc3};

	(void)state;
	EXPECT(push, 0, LAPSE_CLASS_EMULATED, true);
	EXPECT(push_r12, 0, LAPSE_CLASS_EMULATED, true);
	EXPECT(nop5, 0, LAPSE_CLASS_NOP5, true);
	EXPECT(jump, 0, LAPSE_CLASS_EMULATED, true);
}

static void test_moves_along_the_line(void **state)
{
	/* endbr64; push rbp; pop rbp; ret */
	static const uint8_t endbr[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x5d, 0xc3};
	/* mov rax, rdi; push rbx; pop rbx; ret */
	static const uint8_t mov[] = {0x48, 0x89, 0xf8, 0x53, 0x5b, 0xc3};
	/* mov rdi, rsi; push rbx; pop rbx; ret: an argument is gone */
	static const uint8_t mov_arg[] = {0x48, 0x89, 0xf7, 0x53, 0x5b, 0xc3};
	/* xor edx, edx; call +0; ret */
	static const uint8_t call[] = {0x31, 0xd2, 0xe8, 0x10, 0x00, 0x00, 0x00, 0xc3};
	/* test edi, edi; je +1; nop; ret */
	static const uint8_t branch[] = {0x85, 0xff, 0x74, 0x01, 0x90, 0xc3};
	/* mov eax, [rdi]; nop of one byte; ret */
	static const uint8_t nop[] = {0x8b, 0x07, 0x90, 0xc3};

	(void)state;
	EXPECT(endbr, 4, LAPSE_CLASS_EMULATED, true);
	EXPECT(mov, 3, LAPSE_CLASS_EMULATED, true);
	EXPECT(mov_arg, 3, LAPSE_CLASS_EMULATED, false);
	EXPECT(call, 2, LAPSE_CLASS_EMULATED, false);
	EXPECT(branch, 2, LAPSE_CLASS_EMULATED, true);
	EXPECT(nop, 2, LAPSE_CLASS_EMULATED, true);
}

static void test_stops_before_the_stack_moves(void **state)
{
	/* sub rsp, 8; call; add rsp, 8; ret */
	static const uint8_t sub[] = {0x48, 0x83, 0xec, 0x08, 0xe8, 0, 0, 0, 0, 0x48, 0x83, 0xc4, 0x08, 0xc3};
	/* mov eax, 1; syscall; je +0; ret: the system call must be inside */
	static const uint8_t syscall[] = {0xb8, 1, 0, 0, 0, 0x0f, 0x05, 0x74, 0x00, 0xc3};
	/* xor eax, eax; ret; push: another function */
	static const uint8_t ret[] = {0x31, 0xc0, 0xc3, 0x55};
	/* 14 times mov eax, eax; push rbp */
	static const uint8_t far[] = {0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0,
				      0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0,
				      0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x55, 0x5d, 0xc3};

	(void)state;
	EXPECT(sub, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(syscall, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(ret, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(far, 0, LAPSE_CLASS_STEPPED, true);
}

static void test_twelve_instructions(void **state)
{
	/* 12 times mov eax, eax; push rbp */
	static const uint8_t reach[] = {0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x89,
					0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0,
					0x89, 0xc0, 0x89, 0xc0, 0x89, 0xc0, 0x55, 0x5d, 0xc3};

	(void)state;
	EXPECT(reach, 24, LAPSE_CLASS_EMULATED, true);
}

static void test_branches_back(void **state)
{
	/* xor eax, eax; 2: test edi, edi; je 8; dec edi; jmp 4 (the je); ret: a loop to the destination */
	static const uint8_t to_destination[] = {0x31, 0xc0, 0x85, 0xff, 0x74, 0x04,
						 0xff, 0xcf, 0xeb, 0xfa, 0xc3};
	/* the same, to the test between entry and destination */
	static const uint8_t between[] = {0x31, 0xc0, 0x85, 0xff, 0x74, 0x04, 0xff, 0xcf, 0xeb, 0xf8, 0xc3};
	/* the same, to the entry: allowed, and told */
	static const uint8_t to_entry[] = {0x31, 0xc0, 0x85, 0xff, 0x74, 0x04, 0xff, 0xcf, 0xeb, 0xf6, 0xc3};

	(void)state;
	EXPECT(to_destination, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(between, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(to_entry, 4, LAPSE_CLASS_EMULATED, true);
	assert_true(place(to_entry, sizeof(to_entry)).self_jump);
	assert_false(place(between, sizeof(between)).self_jump);
}

static void test_cold_part_branches_back(void **state)
{
	/* xor eax, eax; push rbp; pop rbp; ret; in the cold part: jmp to the push */
	static const uint8_t hot[] = {0x31, 0xc0, 0x55, 0x5d, 0xc3};
	static const uint8_t cold[] = {0xe9, 0xfd, 0xef, 0xff, 0xff};
	struct body body = make_body(hot, sizeof(hot));
	struct placement placement;

	(void)state;
	body.parts[1] = (struct part){.addr = 0x2000, .bytes = (uint8_t *)cold, .size = sizeof(cold)};
	body.n_parts = 2;
	assert_int_equal(placement_choose(&body, decoder, false, &placement), 0);
	assert_int_equal(placement.addr, BASE);
	assert_int_equal(placement.cls, LAPSE_CLASS_STEPPED);
}

static void test_nops(void **state)
{
	/* endbr64; nop5; push rbp: the nop must be passed over */
	static const uint8_t nop5_inside[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f,
					      0x44, 0x00, 0x00, 0x55, 0x5d, 0xc3};
	/* endbr64; nop5; ret: nothing better than the entry */
	static const uint8_t nop5_only[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x0f, 0x1f, 0x44, 0x00, 0x00, 0xc3};
	/* nop10; push rbp */
	static const uint8_t nop10[] = {0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0, 0x55, 0x5d, 0xc3};
	/* nop10; mov eax, 1; ret: any place that can be probed */
	static const uint8_t nop10_mov[] = {0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0,
					    0,	  0,	0xb8, 1,    0,	  0, 0, 0xc3};

	(void)state;
	EXPECT(nop5_inside, 9, LAPSE_CLASS_EMULATED, true);
	EXPECT(nop5_only, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(nop10, 10, LAPSE_CLASS_EMULATED, true);
	EXPECT(nop10_mov, 10, LAPSE_CLASS_STEPPED, true);
}

static void test_unprobeable(void **state)
{
	/* lock dec dword [rdi]; jne +0; ret: what a lock may wait for must be inside */
	static const uint8_t lock[] = {0xf0, 0xff, 0x0f, 0x75, 0x00, 0xc3};
	struct body body = make_body(lock, sizeof(lock));
	struct placement placement;

	(void)state;
	assert_int_equal(placement_choose(&body, decoder, false, &placement), -EOPNOTSUPP);
}

/* Vector instructions whose opcode is a jump's, a return's or a nop's without their prefix. */
static void test_mistaken(void **state)
{
	static const uint8_t broadcast[] = {0x62, 0xe2, 0x7d, 0x28,
					    0x7a, 0xce, 0xc3};			 /* vpbroadcastb ymm17, esi */
	static const uint8_t zeroupper[] = {0xc5, 0xf8, 0x77, 0x55, 0x5d, 0xc3}; /* vzeroupper; push rbp */
	static const uint8_t compare[] = {0xc5, 0xfc, 0xc2, 0xc1,
					  0x00, 0x31, 0xc0, 0xc3};    /* vcmpps; xor eax, eax */
	static const uint8_t zero[] = {0xc5, 0xf9, 0xef, 0xc0, 0xc3}; /* vpxor */
	static const uint8_t ternary[] = {0x62, 0xf3, 0x75, 0x28, 0x25, 0xc0, 0xff, 0xc3}; /* vpternlogd */
	static const uint8_t exchange[] = {0x49, 0x90, 0x55, 0x5d, 0xc3};	  /* xchg r8, rax; push rbp */
	static const uint8_t fma4[] = {0xc4, 0xe3, 0xf9, 0x69, 0xc2, 0x10, 0xc3}; /* vfmaddpd */
	static const uint8_t fma3[] = {0xc4, 0xe2, 0xf1, 0x98, 0xc2, 0xc3};	  /* vfmadd132pd */
	struct body cut_off = make_body(broadcast, sizeof(broadcast) - 2);
	struct placement placement;

	(void)state;
	assert_int_equal(placement_choose(&cut_off, decoder, false, &placement), -EOPNOTSUPP);
	EXPECT(broadcast, 6, LAPSE_CLASS_STEPPED, true);
	EXPECT(zeroupper, 3, LAPSE_CLASS_EMULATED, true);
	EXPECT(compare, 5, LAPSE_CLASS_STEPPED, true);
	EXPECT(zero, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(ternary, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(exchange, 2, LAPSE_CLASS_EMULATED, false);
	assert_int_equal(place(fma4, sizeof(fma4)).entry_probeable, false);
	assert_int_equal(place(fma3, sizeof(fma3)).entry_probeable, true);
	assert_true(insn_mistaken(zeroupper, sizeof(zeroupper)));
	assert_false(insn_mistaken(zeroupper, 2));
	assert_false(place(zeroupper, sizeof(zeroupper)).entry_probeable);
	assert_false(insn_mistaken(zeroupper + 3, 3));
}

/* test edi, edi; cmp edi, 1; lea rax, [DATA]; movslq rdx, [rax + rdi * 4]; add rax, rdx; jmp rax;
 * xor eax, eax; ret. The jump itself is not emulated. */
static const uint8_t table_code[] = {0x85, 0xff, 0x55, 0x48, 0x8d, 0x05, 0xf6, 0x0f, 0x00, 0x00, 0x48, 0x63,
				     0x14, 0xb8, 0x48, 0x01, 0xd0, 0xff, 0xe0, 0x31, 0xc0, 0x5d, 0xc3};

static void test_jump_tables(void **state)
{
	static const int32_t beyond[] = {BASE + 19 - DATA, BASE + 21 - DATA};
	static const int32_t into[] = {BASE + 19 - DATA, BASE + 2 - DATA};

	(void)state;
	data = (const uint8_t *)beyond;
	data_size = sizeof(beyond);
	EXPECT(table_code, 2, LAPSE_CLASS_EMULATED, true);
	data = (const uint8_t *)into;
	data_size = sizeof(into);
	EXPECT(table_code, 0, LAPSE_CLASS_STEPPED, true);
	data_size = 0;
	EXPECT(table_code, 0, LAPSE_CLASS_STEPPED, true);
}

static void test_indirect_tail_calls(void **state)
{
	/* mov rax, [rdi]; push rbx; pop rbx; jmp [rax + 8]: a method, not a table */
	static const uint8_t method[] = {0x48, 0x8b, 0x07, 0x53, 0x5b, 0xff, 0x60, 0x08};
	/* mov rax, [rdi]; push rbx; jmp [rax]: with the frame still there it stays in the function */
	static const uint8_t label[] = {0x48, 0x8b, 0x07, 0x53, 0xff, 0x20};

	(void)state;
	EXPECT(method, 3, LAPSE_CLASS_EMULATED, true);
	EXPECT(label, 0, LAPSE_CLASS_STEPPED, true);
}

static void test_bad_code(void **state)
{
	/* endbr64; push rbp; an invalid opcode */
	static const uint8_t bad[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x06, 0xc3};
	static const uint8_t cut[] = {0xe8, 0x00};
	static const uint8_t only_endbr[] = {0xf3, 0x0f, 0x1e, 0xfa};

	(void)state;
	EXPECT(bad, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(cut, 0, LAPSE_CLASS_STEPPED, true);
	EXPECT(only_endbr, 0, LAPSE_CLASS_STEPPED, true);
}

static void walk(const uint8_t *code, size_t size, struct walk *found)
{
	struct body body = make_body(code, size);

	assert_int_equal(walk_function(&body, decoder, found), 0);
}

static void test_ways_out(void **state)
{
	/* push rbp; test edi, edi; je 8; pop rbp; jmp out; 8+: pop rbp; ret */
	static const uint8_t code[] = {0x55, 0x85, 0xff, 0x74, 0x06, 0x5d, 0xe9,
				       0x00, 0x10, 0x00, 0x00, 0x5d, 0xc3};
	/* sub rsp, 8; jmp out: a split-off part, which ends there */
	static const uint8_t part[] = {0x48, 0x83, 0xec, 0x08, 0xe9, 0x00, 0x00, 0x10, 0x00};
	/* ud2 */
	static const uint8_t never[] = {0x0f, 0x0b};
	struct walk found;

	(void)state;
	walk(code, sizeof(code), &found);
	assert_int_equal(found.n_outs, 2);
	for (size_t i = 0; i < found.n_outs; i++) {
		if (found.outs[i].way == OUT_RETURN) {
			assert_int_equal(found.outs[i].addr, BASE + 12);
		} else {
			assert_int_equal(found.outs[i].way, OUT_TAIL_CALL);
			assert_int_equal(found.outs[i].addr, BASE + 6);
			assert_int_equal(found.outs[i].target, BASE + 11 + 0x1000);
			assert_false(found.outs[i].conditional);
		}
	}
	walk_free(&found);
	walk(part, sizeof(part), &found);
	assert_int_equal(found.n_outs, 0);
	walk_free(&found);
	walk(never, sizeof(never), &found);
	assert_int_equal(found.n_outs, 0);
	assert_false(found.broken);
	walk_free(&found);
}

static void test_frame_pointer(void **state)
{
	/* push rbp; mov rbp, rsp; sub rsp, rax; leave; jmp [rdi]: rsp is back at the return address */
	static const uint8_t leave[] = {0x55, 0x48, 0x89, 0xe5, 0x48, 0x29, 0xc4, 0xc9, 0xff, 0x27};
	struct walk found;

	(void)state;
	walk(leave, sizeof(leave), &found);
	assert_int_equal(found.n_outs, 1);
	assert_int_equal(found.outs[0].way, OUT_TAIL_POINTER);
	assert_false(found.unknown);
	walk_free(&found);
}

/* A table that is read past its end must not lead into the middle of instructions. */
static void test_table_overrun(void **state)
{
	static const int32_t overrun[] = {BASE + 19 - DATA, BASE + 6 - DATA, BASE + 15 - DATA};
	struct walk found;

	(void)state;
	data = (const uint8_t *)overrun;
	data_size = sizeof(overrun);
	walk(table_code, sizeof(table_code), &found);
	assert_int_equal(found.n_targets, 1);
	assert_int_equal(found.n_outs, 1);
	assert_int_equal(found.outs[0].addr, BASE + 22);
	assert_false(found.broken);
	walk_free(&found);
	data_size = 0;
}

static int set_up(void **state)
{
	(void)state;
	decoder = decoder_new();
	return decoder ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	decoder_free(decoder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stays_on_cheap_entries),
		cmocka_unit_test(test_says_why),
		cmocka_unit_test(test_moves_along_the_line),
		cmocka_unit_test(test_stops_before_the_stack_moves),
		cmocka_unit_test(test_twelve_instructions),
		cmocka_unit_test(test_branches_back),
		cmocka_unit_test(test_cold_part_branches_back),
		cmocka_unit_test(test_nops),
		cmocka_unit_test(test_unprobeable),
		cmocka_unit_test(test_mistaken),
		cmocka_unit_test(test_jump_tables),
		cmocka_unit_test(test_indirect_tail_calls),
		cmocka_unit_test(test_bad_code),
		cmocka_unit_test(test_ways_out),
		cmocka_unit_test(test_frame_pointer),
		cmocka_unit_test(test_table_overrun),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
