# libclientid
#
#   make                 the libraries, clientidctl and clientid-proxy, into build/; installs nothing
#   make check           everything that can be checked without a sanitizer, in under 5 minutes
#   make demo            a real proxy, a real store, real requests; KEEP=1 leaves it running
#   make test            unit tests only
#   make asan ubsan tsan unit tests and races again, in build/<name>
#   make fuzz            clang only; FUZZ_TIME=60 seconds per target
#   make coverage        line coverage of lib/, fails under 90 %
#   make lint format     clang-tidy and cppcheck; clang-format (format-check only looks)
#   make bench           numbers on this machine; see bench/README.md
#   make install         DESTDIR, PREFIX, LIBDIR, INCLUDEDIR, BINDIR as usual; make uninstall
#
# V=1 shows commands.  WERROR=1 makes warnings errors.

.DEFAULT_GOAL := all

CC         ?= cc
AR         ?= ar
PKG_CONFIG ?= pkg-config
INSTALL    ?= install
PREFIX     ?= /usr/local
LIBDIR     ?= $(PREFIX)/lib
INCLUDEDIR ?= $(PREFIX)/include
BINDIR     ?= $(PREFIX)/bin

# One place holds the version: the header users compile against.
ver = $(shell sed -n 's/^.define CLIENTID_VERSION_$(1) *\([0-9]*\)$$/\1/p' include/clientid/version.h)
VERSION   := $(call ver,MAJOR).$(call ver,MINOR).$(call ver,PATCH)
SOVERSION := $(shell sed -n 's/^.define CLIENTID_SOVERSION *\([0-9]*\)$$/\1/p' include/clientid/version.h)

# Users own CFLAGS, CPPFLAGS and LDFLAGS; what the build itself needs stays out of them.
CFLAGS ?= -O2 -g
WARN   := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
          -Wold-style-definition -Wwrite-strings -Wcast-qual -Wpointer-arith -Wvla -Wundef \
          -Wformat=2
WERROR ?= 0
ifeq ($(WERROR),1)
WARN   += -Werror
endif
# Cells are compared and swapped 16 bytes at a time; every x86-64 since 2006 can.
ifneq ($(filter x86_64%,$(shell $(CC) -dumpmachine)),)
arch   := -mcx16
endif
own_cflags := -std=c11 -fvisibility=hidden -pthread $(arch) $(WARN) $(SANFLAGS)
own_cpp    := -D_DEFAULT_SOURCE -D_XOPEN_SOURCE=700 -Iinclude
compile     = $(CC) $(own_cpp) $(CPPFLAGS) $(own_cflags) $(CFLAGS) -MMD -MP
link        = $(CC) -pthread $(SANFLAGS) $(CFLAGS) $(LDFLAGS)

pkg = $(shell $(PKG_CONFIG) $(1) 2>/dev/null)
core_pkgs  := libcrypto jansson libpcre2-8
store_pkgs := sqlite3
proxy_pkgs := libmicrohttpd libcurl
core_libs  := $(call pkg,--libs $(core_pkgs))
store_libs := $(call pkg,--libs $(store_pkgs))
proxy_libs := $(call pkg,--libs $(proxy_pkgs))
test_libs  := $(call pkg,--libs cmocka)

BUILD ?= build
Q := $(if $(V),,@)
say = $(if $(V),:,printf '  %-7s %s\n')

core_src  := $(sort $(wildcard lib/*.c $(foreach d,base extract registry limit policy sync,lib/$(d)/*.c)))
store_src := $(sort $(wildcard lib/store/*.c lib/control/*.c))

# Objects and libraries depend on this file.  It is rewritten only when the compiler, the flags or the
# list of sources changed, so a removed source or a new CFLAGS rebuilds what it should.
stamp := $(BUILD)/.flags
stamp_text = $(CC) $(own_cpp) $(CPPFLAGS) $(own_cflags) $(CFLAGS) $(LDFLAGS) $(core_src) $(store_src)
$(stamp): FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(stamp_text))' | cmp -s - $@ || \
	    printf '%s\n' '$(subst ','\'',$(stamp_text))' > $@
FORCE:

# ---- libraries ----------------------------------------------------------------------

so       := libclientid.so.$(VERSION)
store_so := libclientid-store.so.$(VERSION)
core_a   := $(BUILD)/libclientid.a
store_a  := $(BUILD)/libclientid-store.a
libs     := $(core_a) $(BUILD)/libclientid.so $(store_a) $(BUILD)/libclientid-store.so
programs := $(BUILD)/clientidctl $(BUILD)/clientid-proxy

all: $(libs) $(programs)

$(core_a): $(core_src:%.c=$(BUILD)/a/%.o)
$(store_a): $(store_src:%.c=$(BUILD)/a/%.o)
$(BUILD)/%.a: $(stamp)
	@$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

link_so = $(link) -shared -Wl,-soname,$(1).so.$(SOVERSION) -Wl,--version-script,lib/$(1).map \
    -Wl,-z,relro,-z,now -Wl,--no-undefined -o $@ $(filter %.o,$^)

$(BUILD)/$(so): $(core_src:%.c=$(BUILD)/so/%.o) lib/libclientid.map $(stamp)
	@$(say) LD $@
	$(Q)$(call link_so,libclientid) $(core_libs)
$(BUILD)/$(store_so): $(store_src:%.c=$(BUILD)/so/%.o) $(BUILD)/libclientid.so lib/libclientid-store.map $(stamp)
	@$(say) LD $@
	$(Q)$(call link_so,libclientid-store) -L$(BUILD) -lclientid $(core_libs) $(store_libs)
$(BUILD)/libclientid.so: $(BUILD)/$(so)
$(BUILD)/libclientid-store.so: $(BUILD)/$(store_so)
$(BUILD)/libclientid.so $(BUILD)/libclientid-store.so:
	$(Q)ln -sf $(notdir $<) $@ && ln -sf $(notdir $<) $@.$(SOVERSION)

# -Ilib only here and in tests: examples and hosts see the installed headers and nothing else.
$(BUILD)/a/%.o: %.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -Ilib -c -o $@ $<
$(BUILD)/so/%.o: %.c $(stamp)
	@mkdir -p $(@D) && $(say) CC-PIC $<
	$(Q)$(compile) -Ilib -fPIC -c -o $@ $<

# ---- programs -----------------------------------------------------------------------

$(BUILD)/examples/%.o: examples/%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -c -o $@ $<

ctl_src   := $(sort $(wildcard examples/ctl/*.c))
proxy_src := $(sort $(wildcard examples/proxy/*.c))
$(BUILD)/clientidctl: $(ctl_src:%.c=$(BUILD)/%.o) $(store_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs)
$(BUILD)/clientid-proxy: $(proxy_src:%.c=$(BUILD)/%.o) $(store_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs) $(proxy_libs)

example_bin := $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c))
$(example_bin): $(BUILD)/examples/%: $(BUILD)/examples/%.o $(store_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs)

# ---- tests --------------------------------------------------------------------------

# Unit tests link the archives, so they may call clientid__ functions.
test_src := $(sort $(wildcard tests/unit/test_*.c tests/race/race_*.c))
test_bin := $(patsubst tests/%.c,$(BUILD)/tests/%,$(test_src))
race_bin := $(filter $(BUILD)/tests/race/%,$(test_bin))
test_common := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/unit/support_*.c)))

$(BUILD)/tests/unit/support_%.o: tests/unit/support_%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -Ilib -Itests/unit -c -o $@ $<
$(test_bin): $(BUILD)/tests/%: tests/%.c $(test_common) $(store_a) $(core_a)
	@mkdir -p $(@D) && $(say) CC $@
	$(Q)$(compile) -Ilib -Itests/unit -o $@ $< $(test_common) $(store_a) $(core_a) $(LDFLAGS) $(core_libs) $(store_libs) $(test_libs)

test: $(test_bin)
	$(Q)sh tests/tools/run.sh $(BUILD) $(test_bin)

clean:
	rm -rf build

.PHONY: FORCE all test clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
