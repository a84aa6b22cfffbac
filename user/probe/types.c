// SPDX-License-Identifier: GPL-2.0-or-later
#include "probe/types.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <string.h>

#include "probe/debuginfo.h"

/* Links of a chain of types that are followed: the file may make a ring of them. */
#define CHAIN_MAX      32
#define PARAMETERS_MAX 256

/* The System V ABI: how many arguments travel in registers, and up to which size a result does. */
#define INTEGER_REGISTERS 6
#define FLOAT_REGISTERS	  8
#define RESULT_MAX	  16
#define WORD		  8

/* Languages that elfutils has no names for yet. */
#define LANG_CXX_17 0x2a
#define LANG_CXX_20 0x2b
#define LANG_C_17   0x2c

/* Families of languages that pass arguments alike. */
enum family {
	FAMILY_NONE,
	FAMILY_C,
	FAMILY_CXX,
	FAMILY_RUST,
};

/* Parameters as they are given their places. */
struct assignment {
	struct function_types *types;
	enum family family;
	size_t integers, floats; /* registers taken */
	size_t words;		 /* of the stack */
	bool words_unknown;
};

static enum family family_of(Dwarf_Die *die)
{
	Dwarf_Die unit;

	if (!dwarf_diecu(die, &unit, NULL, NULL))
		return FAMILY_NONE;
	switch (dwarf_srclang(&unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case LANG_C_17:
	case DW_LANG_ObjC:
		return FAMILY_C;
	case DW_LANG_C_plus_plus:
	case DW_LANG_C_plus_plus_03:
	case DW_LANG_C_plus_plus_11:
	case DW_LANG_C_plus_plus_14:
	case LANG_CXX_17:
	case LANG_CXX_20:
	case DW_LANG_ObjC_plus_plus:
		return FAMILY_CXX;
	case DW_LANG_Rust:
		return FAMILY_RUST;
	default:
		return FAMILY_NONE;
	}
}

static bool reference(Dwarf_Die *die, unsigned int name, Dwarf_Die *target)
{
	Dwarf_Attribute attr;

	return dwarf_attr(die, name, &attr) && dwarf_formref_die(&attr, target);
}

/* The entry that says what @die leaves unsaid: its abstract instance or its declaration. */
static bool origin_of(Dwarf_Die *die, Dwarf_Die *origin)
{
	return reference(die, DW_AT_abstract_origin, origin) || reference(die, DW_AT_specification, origin);
}

/* The type of @die or of its origins; false: void. */
static bool type_of(Dwarf_Die *die, Dwarf_Die *type)
{
	Dwarf_Die at = *die, next;

	for (int i = 0; i < CHAIN_MAX; i++) {
		if (reference(&at, DW_AT_type, type))
			return true;
		if (!origin_of(&at, &next))
			return false;
		at = next;
	}
	return false;
}

static bool is_alias(int tag)
{
	return tag == DW_TAG_typedef || tag == DW_TAG_const_type || tag == DW_TAG_volatile_type ||
	       tag == DW_TAG_restrict_type || tag == DW_TAG_atomic_type || tag == DW_TAG_immutable_type ||
	       tag == DW_TAG_subrange_type;
}

/* Follows aliases and qualifiers; false where these end in void. */
static bool peel(Dwarf_Die *type)
{
	Dwarf_Die next;

	for (int i = 0; i < CHAIN_MAX && is_alias(dwarf_tag(type)); i++) {
		if (!reference(type, DW_AT_type, &next))
			return false;
		*type = next;
	}
	return true;
}

static uint64_t number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word value;

	return dwarf_attr(die, name, &attr) && dwarf_formudata(&attr, &value) == 0 ? value : 0;
}

static struct value_type sized(enum type_kind kind, uint64_t bytes, bool is_signed)
{
	if (bytes == 0)
		return (struct value_type){.kind = TYPE_UNKNOWN};
	if (bytes > WORD)
		return (struct value_type){.kind = kind == TYPE_FLOATING ? kind : TYPE_AGGREGATE};
	return (struct value_type){.kind = kind, .bytes = (uint8_t)bytes, .is_signed = is_signed};
}

static struct value_type base_type(Dwarf_Die *type)
{
	uint64_t bytes = number(type, DW_AT_byte_size);

	switch (number(type, DW_AT_encoding)) {
	case DW_ATE_boolean:
		return sized(TYPE_BOOL, bytes, false);
	case DW_ATE_signed:
	case DW_ATE_signed_char:
		return sized(TYPE_INTEGER, bytes, true);
	case DW_ATE_unsigned:
	case DW_ATE_unsigned_char:
	case DW_ATE_UTF:
	case DW_ATE_address:
		return sized(TYPE_INTEGER, bytes, false);
	case DW_ATE_float:
		return sized(TYPE_FLOATING, bytes, true);
	case DW_ATE_complex_float:
	case DW_ATE_imaginary_float:
	case DW_ATE_decimal_float:
		return (struct value_type){.kind = TYPE_FLOATING};
	default:
		/* Rust's () and ! are base types without a size. */
		return (struct value_type){.kind = bytes ? TYPE_UNKNOWN : TYPE_VOID};
	}
}

/* Without an underlying type its values are ints, as in C. */
static struct value_type enum_type(Dwarf_Die *type)
{
	struct value_type under = {.is_signed = true};
	Dwarf_Die base;

	if (reference(type, DW_AT_type, &base) && peel(&base) && dwarf_tag(&base) == DW_TAG_base_type)
		under = base_type(&base);
	return sized(TYPE_ENUM, number(type, DW_AT_byte_size) ?: under.bytes, under.is_signed);
}

/* A pointer to a member function is a pair; one to a member of data is an offset. */
static struct value_type member_pointer(Dwarf_Die *type)
{
	Dwarf_Die target;

	if (!reference(type, DW_AT_type, &target))
		return (struct value_type){.kind = TYPE_UNKNOWN};
	if (peel(&target) && dwarf_tag(&target) == DW_TAG_subroutine_type)
		return (struct value_type){.kind = TYPE_AGGREGATE};
	return sized(TYPE_INTEGER, WORD, true);
}

/* Classifies @type, which is peeled in place. */
static struct value_type classify(Dwarf_Die *type)
{
	if (!peel(type))
		return (struct value_type){.kind = TYPE_VOID};
	switch (dwarf_tag(type)) {
	case DW_TAG_base_type:
		return base_type(type);
	case DW_TAG_enumeration_type:
		return enum_type(type);
	case DW_TAG_pointer_type:
	case DW_TAG_reference_type:
	case DW_TAG_rvalue_reference_type:
		return sized(TYPE_POINTER, number(type, DW_AT_byte_size) ?: WORD, false);
	case DW_TAG_unspecified_type: /* of nullptr */
		return sized(TYPE_POINTER, WORD, false);
	case DW_TAG_ptr_to_member_type:
		return member_pointer(type);
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_array_type:
		return (struct value_type){.kind = TYPE_AGGREGATE};
	default:
		return (struct value_type){.kind = TYPE_UNKNOWN};
	}
}

/* The next place of an integer; false where it is not known. */
static bool take_slot(struct assignment *a, uint8_t *slot)
{
	if (a->integers < INTEGER_REGISTERS) {
		*slot = (uint8_t)a->integers++;
		return true;
	}
	*slot = (uint8_t)(INTEGER_REGISTERS + a->words++);
	return !a->words_unknown;
}

/* Returns false where nothing is known of what follows. */
static bool add_argument(struct assignment *a, const struct value_type *type)
{
	struct argument_type argument = {.type = *type};

	if (a->types->n_args == TYPES_MAX_ARGS || !take_slot(a, &argument.slot))
		return false;
	a->types->args[a->types->n_args++] = argument;
	return type->kind != TYPE_AGGREGATE && type->kind != TYPE_UNKNOWN;
}

static bool add_float(struct assignment *a, const struct value_type *type)
{
	if (type->bytes == 0)
		a->words_unknown = true; /* pairs, and long doubles, which lie on the stack */
	else if (a->floats < FLOAT_REGISTERS)
		a->floats++;
	else
		a->words++;
	return true;
}

/* In C a large struct lies on the stack. */
static bool is_in_memory(const struct assignment *a, Dwarf_Die *type)
{
	return a->family == FAMILY_C && dwarf_tag(type) != DW_TAG_array_type &&
	       number(type, DW_AT_byte_size) > RESULT_MAX;
}

static bool add_parameter(struct assignment *a, Dwarf_Die *parameter)
{
	struct value_type value = {.kind = TYPE_UNKNOWN};
	Dwarf_Die type;

	if (type_of(parameter, &type))
		value = classify(&type);
	if (value.kind == TYPE_FLOATING)
		return add_float(a, &value);
	if (value.kind == TYPE_AGGREGATE && is_in_memory(a, &type)) {
		a->words_unknown = true;
		return true;
	}
	return add_argument(a, &value);
}

static bool is_artificial(Dwarf_Die *die)
{
	Dwarf_Die at = *die, next;

	for (int i = 0; i < CHAIN_MAX; i++) {
		Dwarf_Attribute attr;
		bool flag = false;

		if (dwarf_attr(&at, DW_AT_artificial, &attr) && dwarf_formflag(&attr, &flag) == 0)
			return flag;
		if (!origin_of(&at, &next))
			return false;
		at = next;
	}
	return false;
}

/* Whether @function lists parameters; gives each its place. */
static bool add_parameters(struct assignment *a, Dwarf_Die *function)
{
	Dwarf_Die child;
	size_t n = 0;

	if (dwarf_child(function, &child))
		return false;
	for (int i = 0; i < PARAMETERS_MAX && !a->types->more; i++) {
		int tag = dwarf_tag(&child);

		if (tag == DW_TAG_unspecified_parameters)
			a->types->more = true;
		/* Some constructors have hidden parameters, which not each variant of them gets. */
		else if (tag == DW_TAG_formal_parameter)
			a->types->more = (n++ && is_artificial(&child)) || !add_parameter(a, &child);
		if (dwarf_siblingof(&child, &child))
			break;
	}
	return n || a->types->more;
}

/*
 * The parameters in the source's order: an abstract instance has them so, a concrete one of optimized
 * code may not.
 */
static void add_all_parameters(struct assignment *a, Dwarf_Die *function)
{
	Dwarf_Die at = *function, next;

	for (int i = 0; i < CHAIN_MAX && reference(&at, DW_AT_abstract_origin, &next); i++)
		at = next;
	for (int i = 0; i < CHAIN_MAX && !add_parameters(a, &at); i++) {
		if (!origin_of(&at, &next))
			return;
		at = next;
	}
}

/* Whether a C++ struct has data only, so that nothing keeps it from registers. */
static bool is_plain(Dwarf_Die *type)
{
	Dwarf_Die member, own;

	if (dwarf_child(type, &member))
		return true;
	for (int i = 0; i < PARAMETERS_MAX; i++) {
		if (dwarf_tag(&member) != DW_TAG_member || !reference(&member, DW_AT_type, &own))
			return false;
		if (classify(&own).kind == TYPE_AGGREGATE)
			return false;
		if (dwarf_siblingof(&member, &member))
			return true;
	}
	return false;
}

enum hidden {
	HIDDEN_NO,
	HIDDEN_YES,
	HIDDEN_PERHAPS,
};

/* Whether the caller passes the place for a result of @type in the first register. */
static enum hidden hidden_result(enum family family, Dwarf_Die *type)
{
	uint64_t bytes = number(type, DW_AT_byte_size);
	uint64_t convention = number(type, DW_AT_calling_convention);

	if (dwarf_tag(type) == DW_TAG_array_type)
		return HIDDEN_PERHAPS; /* a vector; in Rust an array */
	if (bytes > RESULT_MAX || convention == DW_CC_pass_by_reference)
		return HIDDEN_YES;
	if (family == FAMILY_C || convention == DW_CC_pass_by_value ||
	    (family == FAMILY_CXX && is_plain(type)))
		return HIDDEN_NO;
	return HIDDEN_PERHAPS;
}

static void read_result(struct assignment *a, Dwarf_Die *function)
{
	enum hidden hidden = HIDDEN_NO;
	Dwarf_Die type;

	a->types->ret.kind = TYPE_VOID;
	if (type_of(function, &type)) {
		a->types->ret = classify(&type);
		if (a->types->ret.kind == TYPE_AGGREGATE && dwarf_tag(&type) != DW_TAG_base_type)
			hidden = hidden_result(a->family, &type);
	}
	a->integers = hidden == HIDDEN_YES;
	a->types->more = hidden == HIDDEN_PERHAPS;
}

/* Whether the compiler made a copy of the function with other parameters than the source has. */
static bool is_changed(const struct function *function, Dwarf_Die *die)
{
	return strstr(function->symbol, ".isra.") || strstr(function->symbol, ".constprop.") ||
	       strstr(function->symbol, ".part.") || number(die, DW_AT_calling_convention) == DW_CC_nocall;
}

int types_of(const struct object *object, const struct function *function, struct function_types *types)
{
	struct assignment a = {.types = types};
	uint64_t entry;
	Dwarf_Die die;

	memset(types, 0, sizeof(*types));
	if (!debuginfo_function(object, function->addr, &entry) ||
	    !dwarf_offdie(debuginfo_dwarf(object), entry, &die))
		return 0;
	a.family = family_of(&die);
	if (a.family == FAMILY_NONE)
		return -EOPNOTSUPP;
	types->known = true;
	read_result(&a, &die);
	if (is_changed(function, &die))
		types->more = true;
	if (!types->more)
		add_all_parameters(&a, &die);
	return 0;
}
