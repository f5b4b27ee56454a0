# libclientid
#
#   make                 the libraries, clientidctl and clientid-proxy, into build/; installs nothing
#   make check           everything that can be checked without a sanitizer, in under 5 minutes
#   make demo            a real proxy, a real store, real requests; KEEP=1 leaves it running
#   make portal          the REST control plane on loopback, with a sample organization
#   make test            unit tests only
#   make nginx envoy     the modules for NGINX (needs nginx-dev) and Envoy, into build/nginx and build/envoy
#   make check-hosts     the modules and clientid-proxy in and behind real NGINX, Envoy and Caddy
#   make soak            all of them at once, with all that can happen to them; SOAK_SECONDS=600
#   make asan-hosts      the modules with AddressSanitizer in real hosts, as far as these take it
#   make portal-sanitized the portal with AddressSanitizer and ThreadSanitizer, as real processes
#   make asan ubsan tsan unit tests and races again, in build/<name>
#   make arm64           cross-compiled, unit tests and races under qemu-user, in build/arm64
#   make models          index, epochs and claims of limits, every interleaving, by spin
#   make instructions    instructions of a decision against tests/instructions.txt; instructions-update rewrites it
#   make fuzz            clang only; FUZZ_TIME=60 seconds per target
#   make coverage        line coverage of lib/, fails under 90 %
#   make lint format     clang-tidy and cppcheck; clang-format (format-check only looks)
#   make bench-http      what a check costs in NGINX and Envoy, beside their own means
#   make bench-portal    what clientid-portal sustains with 100,000 applications
#   make bench-peers     a decision beside those of other limiters; see bench/peers/README.md
#   make bench           numbers on this machine; see bench/README.md; BIG=1 adds ten million clients
#   make bench-charts    draws the last of them into bench/charts
#   make install-nginx   the NGINX module, where nginx -V says (or NGINX_MODULES); make uninstall-nginx
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
# Two fields that were just written one by one and are then copied as one vector stall the processor: a tenth of a decision.
tune := -fno-tree-slp-vectorize
own_cflags := -std=c11 -fvisibility=hidden -pthread $(arch) $(tune) $(WARN) $(SANFLAGS)
own_cpp    := -D_DEFAULT_SOURCE -D_XOPEN_SOURCE=700 -Iinclude
compile     = $(CC) $(own_cpp) $(CPPFLAGS) $(own_cflags) $(CFLAGS) -MMD -MP
link        = $(CC) -pthread $(SANFLAGS) $(CFLAGS) $(LDFLAGS)

pkg = $(shell $(PKG_CONFIG) $(1) 2>/dev/null)
core_pkgs  := libcrypto jansson libpcre2-8
store_pkgs := sqlite3
anypoint_pkgs := libcurl jansson
proxy_pkgs := libmicrohttpd libcurl
core_libs  := $(call pkg,--libs $(core_pkgs))
store_libs := $(call pkg,--libs $(store_pkgs))
anypoint_libs := $(call pkg,--libs $(anypoint_pkgs))
# A build for another architecture may have no curl: then without what needs it, programs too.
curl          := $(shell $(PKG_CONFIG) --exists libcurl 2>/dev/null && echo yes)
proxy_libs := $(call pkg,--libs $(proxy_pkgs))
test_libs  := $(call pkg,--libs cmocka)

# libclientid-access is built where xmlsec is.  The flags of xmlsec are for its files alone.
access_pkgs   := xmlsec1-openssl libxml-2.0
access        := $(shell $(PKG_CONFIG) --exists $(access_pkgs) 2>/dev/null && echo yes)
access_cflags := $(patsubst -I%,-isystem %,$(call pkg,--cflags $(access_pkgs)))
access_libs   := $(call pkg,--libs $(access_pkgs) libcrypto)

BUILD ?= build
Q := $(if $(V),,@)
say = $(if $(V),:,printf '  %-7s %s\n')

core_src  := $(sort $(wildcard lib/*.c $(foreach d,base extract registry limit policy sync,lib/$(d)/*.c)))
store_src := $(sort $(wildcard lib/store/*.c lib/control/*.c))
access_src := $(if $(access),$(sort $(wildcard lib/access/*.c)))
anypoint_src := $(if $(curl),$(sort $(wildcard lib/anypoint/*.c)))

# Objects and libraries depend on this file.  It is rewritten only when the compiler, the flags or the
# list of sources changed, so a removed source or a new CFLAGS rebuilds what it should.
stamp := $(BUILD)/.flags
stamp_text = $(CC) $(own_cpp) $(CPPFLAGS) $(own_cflags) $(CFLAGS) $(LDFLAGS) $(core_src) $(store_src) $(anypoint_src) $(access_src) $(access_cflags)
$(stamp): FORCE
	@mkdir -p $(@D)
	@printf '%s\n' '$(subst ','\'',$(stamp_text))' | cmp -s - $@ || \
	    printf '%s\n' '$(subst ','\'',$(stamp_text))' > $@
FORCE:

# ---- libraries ----------------------------------------------------------------------

so       := libclientid.so.$(VERSION)
store_so := libclientid-store.so.$(VERSION)
anypoint_so := libclientid-anypoint.so.$(VERSION)
core_a   := $(BUILD)/libclientid.a
store_a  := $(BUILD)/libclientid-store.a
anypoint_a := $(if $(curl),$(BUILD)/libclientid-anypoint.a)
access_so := libclientid-access.so.$(VERSION)
access_a := $(BUILD)/libclientid-access.a
libs     := $(core_a) $(BUILD)/libclientid.so $(store_a) $(BUILD)/libclientid-store.so \
            $(anypoint_a) $(if $(curl),$(BUILD)/libclientid-anypoint.so) $(if $(access),$(access_a) $(BUILD)/libclientid-access.so)
programs := $(BUILD)/clientidctl $(BUILD)/clientid-proxy $(BUILD)/clientid-portal

all: $(libs) $(programs)
	$(if $(access),,@echo 'libclientid-access is left out: pkg-config finds no xmlsec1-openssl')

$(core_a): $(core_src:%.c=$(BUILD)/a/%.o)
$(store_a): $(store_src:%.c=$(BUILD)/a/%.o)
$(access_a): $(access_src:%.c=$(BUILD)/a/%.o)
$(BUILD)/libclientid-anypoint.a: $(anypoint_src:%.c=$(BUILD)/a/%.o)
$(BUILD)/%.a: $(stamp)
	@$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

link_so = $(link) -shared -Wl,-soname,$(1).so.$(SOVERSION) -Wl,--version-script,lib/$(1).map \
    -Wl,-z,relro,-z,now -Wl,--no-undefined -o $@ $(filter %.o,$^)

$(BUILD)/$(so): $(core_src:%.c=$(BUILD)/so/%.o) lib/libclientid.map $(stamp)
	@$(say) LD $@
	$(Q)$(call link_so,libclientid) $(core_libs)
# libclientid keeps errors and memory to itself, so the second library has its own copy of them, hidden too.
store_base := $(BUILD)/so/lib/base/error.o $(BUILD)/so/lib/base/mem.o
$(BUILD)/$(store_so): $(store_src:%.c=$(BUILD)/so/%.o) $(store_base) $(BUILD)/libclientid.so lib/libclientid-store.map $(stamp)
	@$(say) LD $@
	$(Q)$(call link_so,libclientid-store) -L$(BUILD) -lclientid $(core_libs) $(store_libs)
access_base := $(BUILD)/so/lib/base/error.o $(BUILD)/so/lib/base/mem.o $(BUILD)/so/lib/extract/base64.o
$(BUILD)/$(access_so): $(access_src:%.c=$(BUILD)/so/%.o) $(access_base) lib/libclientid-access.map $(stamp)
	@$(say) LD $@
	$(Q)$(call link_so,libclientid-access) $(access_libs)
anypoint_base := $(store_base) $(BUILD)/so/lib/base/hash.o
$(BUILD)/$(anypoint_so): $(anypoint_src:%.c=$(BUILD)/so/%.o) $(anypoint_base) lib/libclientid-anypoint.map $(stamp)
	@$(say) LD $@
	$(Q)$(call link_so,libclientid-anypoint) $(anypoint_libs)
$(BUILD)/libclientid.so: $(BUILD)/$(so)
$(BUILD)/libclientid-store.so: $(BUILD)/$(store_so)
$(BUILD)/libclientid-anypoint.so: $(BUILD)/$(anypoint_so)
$(BUILD)/libclientid-access.so: $(BUILD)/$(access_so)
$(BUILD)/libclientid.so $(BUILD)/libclientid-store.so $(BUILD)/libclientid-anypoint.so $(BUILD)/libclientid-access.so:
	$(Q)ln -sf $(notdir $<) $@ && ln -sf $(notdir $<) $@.$(SOVERSION)

# |extra| is for a folder or file that needs more, and its own.
$(BUILD)/a/lib/access/%.o $(BUILD)/so/lib/access/%.o: private extra = $(access_cflags)

# -Ilib only here and in tests: examples and hosts see the installed headers and nothing else.
$(BUILD)/a/%.o: %.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) $(extra) -Ilib -c -o $@ $<
$(BUILD)/so/%.o: %.c $(stamp)
	@mkdir -p $(@D) && $(say) CC-PIC $<
	$(Q)$(compile) $(extra) -Ilib -fPIC -c -o $@ $<

# ---- programs -----------------------------------------------------------------------

$(BUILD)/examples/%.o: examples/%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -c -o $@ $<

ctl_src   := $(sort $(wildcard examples/ctl/*.c))
proxy_src := $(sort $(wildcard examples/proxy/*.c))
$(BUILD)/clientidctl: $(ctl_src:%.c=$(BUILD)/%.o) $(store_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs)
$(BUILD)/clientid-proxy: $(proxy_src:%.c=$(BUILD)/%.o) $(store_a) $(anypoint_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs) $(proxy_libs)

# Sign-in by assertion takes libclientid-access.
portal_src := $(sort $(filter-out $(if $(access),%/saml_none.c,%/saml.c),$(wildcard examples/portal/*.c)))
$(BUILD)/clientid-portal: $(portal_src:%.c=$(BUILD)/%.o) $(store_a) $(core_a) $(if $(access),$(access_a))
	@$(say) LD $@
	$(Q)$(link) -o $@ $(filter %.o,$^) $(if $(access),$(access_a)) $(store_a) $(core_a) $(core_libs) $(store_libs) $(proxy_libs) \
	    $(if $(access),$(access_libs))

example_bin := $(patsubst examples/%.c,$(BUILD)/examples/%,$(wildcard examples/*.c))
$(example_bin): $(BUILD)/examples/%: $(BUILD)/examples/%.o $(store_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs)

# ---- the module for Envoy -----------------------------------------------------------

# One file that needs libc and jansson (whose archive Debian builds for programs only), for images of Envoy that have little
# else.  All of it but the hooks is hidden, so that no symbol of ours meets one of the host's, which has a TLS library of its own.
envoy_src     := $(sort $(wildcard examples/envoy/*.c))
envoy_objects := $(envoy_src:%.c=$(BUILD)/pic/%.o) $(core_src:%.c=$(BUILD)/so/%.o) $(store_src:%.c=$(BUILD)/so/%.o)
envoy_module  := $(BUILD)/envoy/libclientid_envoy.so
envoy_libs     = -Wl,-Bstatic $(filter-out -ljansson,$(call pkg,--libs $(core_pkgs) $(store_pkgs))) -Wl,-Bdynamic -ljansson -lm -ldl
ENVOY_MODULES ?= $(LIBDIR)/envoy

$(BUILD)/pic/%.o: %.c $(stamp)
	@mkdir -p $(@D) && $(say) CC-PIC $<
	$(Q)$(compile) -fPIC -c -o $@ $<
$(envoy_module): $(envoy_objects) examples/envoy/module.map
	@mkdir -p $(@D) && $(say) LD $@
	$(Q)$(link) -shared -Wl,-soname,libclientid_envoy.so -Wl,--version-script,examples/envoy/module.map \
	    -Wl,-z,relro,-z,now,-z,nodelete -Wl,-Bsymbolic -Wl,--exclude-libs,ALL -o $@ $(filter %.o,$^) $(envoy_libs)
envoy: $(envoy_module)
install-envoy: envoy
	$(INSTALL) -d "$(DESTDIR)$(ENVOY_MODULES)"
	$(INSTALL) -m 755 $(envoy_module) "$(DESTDIR)$(ENVOY_MODULES)"

# ---- NGINX module -------------------------------------------------------------------

# nginx-dev's configure runs once, to learn what nginx was built with; the module is compiled with our own flags, but for a
# warning about ngx_string.  It finds the libraries in the folder above its own, or where they are installed.
NGINX      ?= nginx
NGINX_SRC  ?= /usr/share/nginx/src
nginx_objs := $(abspath $(BUILD))/nginx/objs
nginx_name := ngx_http_clientid_module
nginx_so   := $(BUILD)/nginx/$(nginx_name).so
nginx_src  := $(sort $(wildcard examples/nginx/*.c))
nginx_inc  := $(foreach d,core event event/modules event/quic os/unix http http/modules http/v2 http/v3, \
                -isystem $(NGINX_SRC)/src/$(d)) -isystem $(nginx_objs)

# Under AddressSanitizer each piece of a pool is a block of its own.
nginx_pools := $(if $(findstring address,$(SANFLAGS)),-include tests/hosts/separate_pools.h)

nginx: $(nginx_so)
$(nginx_objs)/ngx_auto_config.h: examples/nginx/config
	@mkdir -p $(@D) && $(say) CONF nginx
	$(Q)cd $(NGINX_SRC) && ./configure --with-compat --builddir=$(nginx_objs) \
	    --add-dynamic-module=$(abspath examples/nginx) >$(nginx_objs)/configure.log 2>&1 || \
	    { tail -3 $(nginx_objs)/configure.log >&2; echo 'nginx-dev is needed: apt-get install nginx nginx-dev' >&2; exit 1; }
	$(Q)touch $@
$(BUILD)/nginx/%.o: examples/nginx/%.c $(nginx_objs)/ngx_auto_config.h $(stamp)
	@mkdir -p $(@D) && $(say) CC-PIC $<
	$(Q)$(compile) -Wno-cast-qual -fPIC $(nginx_inc) $(nginx_pools) -c -o $@ $<
# What configure writes: the name and the build signature, by which nginx tells whether the module fits.
$(BUILD)/nginx/signature.o: $(nginx_objs)/ngx_auto_config.h $(stamp)
	@$(say) CC-PIC $(nginx_name)_modules.c
	$(Q)$(CC) $(SANFLAGS) $(CFLAGS) -fPIC $(nginx_inc) -c -o $@ $(nginx_objs)/$(nginx_name)_modules.c
$(nginx_so): $(nginx_src:examples/nginx/%.c=$(BUILD)/nginx/%.o) $(BUILD)/nginx/signature.o \
    $(BUILD)/libclientid.so $(BUILD)/libclientid-store.so
	@$(say) LD $@
	$(Q)$(link) -shared -Wl,-z,relro,-z,now -Wl,-rpath,'$$ORIGIN/..:$(LIBDIR)' -o $@ $(filter %.o,$^) -L$(BUILD) -lclientid-store -lclientid

# ---- tests --------------------------------------------------------------------------

# Unit tests link the archives, so they may call clientid__ functions.  Tests in interop/ start the real programs.
without     := $(if $(curl),,tests/unit/test_anypoint.c tests/unit/test_anypoint_source.c tests/unit/support_control_plane.c) $(if $(access),,tests/unit/test_saml.c tests/unit/support_saml.c tests/interop/test_portal_saml.c)
unit_src    := $(filter-out $(without),$(sort $(wildcard tests/unit/test_*.c)))
unit_bin    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(unit_src))
race_bin    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/race/race_*.c)))
interop_bin := $(patsubst tests/%.c,$(BUILD)/tests/%,$(filter-out $(without),$(sort $(wildcard tests/interop/test_*.c))))
# An archive: a test links only what it uses, and may include a file of the library to look inside.
test_common := $(BUILD)/tests/libsupport.a
$(test_common): $(patsubst %.c,$(BUILD)/%.o,$(filter-out $(without),$(sort $(wildcard tests/unit/support_*.c))))

$(BUILD)/tests/unit/support_%.o: tests/unit/support_%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) $(extra) -Ilib -Itests/unit -c -o $@ $<
interop_common := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/interop/support_*.c)))
$(BUILD)/tests/interop/support_%.o: tests/interop/support_%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -Itests/interop -Itests/unit -c -o $@ $<
$(interop_bin): $(interop_common)
# What libmicrohttpd uses itself: a server of the tests looks at certificates of its clients.
$(interop_bin): private extra_libs += -lgnutls
$(unit_bin) $(race_bin) $(interop_bin): $(BUILD)/tests/%: tests/%.c $(test_common) $(store_a) $(anypoint_a) $(core_a)
	@mkdir -p $(@D) && $(say) CC $@
	$(Q)$(compile) $(extra) -Ilib -Itests/unit -o $@ $< $(filter %.o,$^) $(test_common) $(extra_libs) $(store_a) $(anypoint_a) $(core_a) $(LDFLAGS) \
	    $(core_libs) $(store_libs) $(proxy_libs) $(test_libs) -ldl

# This one is a stand-in for Envoy: the module finds its callbacks in it.
$(BUILD)/tests/unit/test_envoy_module: LDFLAGS += -rdynamic
$(BUILD)/tests/unit/test_envoy_module: | $(envoy_module)

# These sign responses with xmlsec.
$(BUILD)/tests/unit/support_saml.o $(BUILD)/tests/unit/test_saml $(BUILD)/tests/interop/test_portal_saml: private extra = $(access_cflags)
$(BUILD)/tests/interop/test_portal_saml: private extra_libs += $(access_a) $(access_libs)
$(BUILD)/tests/interop/test_portal_saml: $(access_a)
$(BUILD)/tests/unit/test_saml: private extra_libs = $(access_a) $(access_libs)
$(BUILD)/tests/unit/test_saml: $(access_a)

test: $(unit_bin) $(race_bin)
	$(Q)JOBS=2 sh tests/tools/run.sh $(BUILD) $^
interop: all $(interop_bin)
	$(Q)JOBS=2 sh tests/tools/run.sh $(BUILD) $(interop_bin)

# Tests in hosts/ start real NGINX, Envoy and Caddy.
hosts_bin    := $(patsubst tests/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/hosts/test_*.c)))
hosts_common := $(patsubst %.c,$(BUILD)/%.o,$(sort $(wildcard tests/hosts/support_*.c)))
$(BUILD)/tests/hosts/support_%.o: tests/hosts/support_%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -Itests/hosts -Itests/interop -Itests/unit -c -o $@ $<
$(hosts_bin): $(BUILD)/tests/%: tests/%.c $(hosts_common) $(interop_common) $(test_common) $(store_a) $(core_a)
	@mkdir -p $(@D) && $(say) CC $@
	$(Q)$(compile) -Itests/hosts -Itests/interop -Itests/unit -o $@ $< $(filter %.o,$^) $(test_common) $(store_a) \
	    $(core_a) $(LDFLAGS) $(core_libs) $(store_libs) $(proxy_libs) $(test_libs) -lgnutls -ldl
check-hosts:
	$(Q)sh tests/tools/packages.sh hosts
	$(Q)$(MAKE) --no-print-directory hosts
hosts: all $(if $(wildcard $(NGINX_SRC)/configure),nginx) envoy $(hosts_bin)
	$(Q)sh tests/tools/run.sh $(BUILD) $(hosts_bin)

# One program, ten minutes.
soak:
	$(Q)sh tests/tools/packages.sh hosts
	$(Q)$(MAKE) --no-print-directory soak-run
soak-run: all nginx envoy $(BUILD)/tests/hosts/test_soak
	$(Q)SOAK_SECONDS=$${SOAK_SECONDS:-600} sh tests/tools/run.sh $(BUILD) $(BUILD)/tests/hosts/test_soak

# The NGINX module, in real processes, with AddressSanitizer; it is preloaded, since nginx is not built with it.  A real Envoy cannot
# take one, with an allocator of its own: its module runs in the stand-in, with ThreadSanitizer too.
asan_hosts := $(foreach t,hosts/test_nginx hosts/test_nginx_life hosts/test_cases hosts/test_soak unit/test_envoy_module,$(BUILD)/tests/$(t))
asan-hosts:
	$(Q)sh tests/tools/packages.sh hosts
	$(Q)$(MAKE) --no-print-directory envoy
	$(Q)$(MAKE) --no-print-directory asan-hosts-run BUILD=build/asan SANFLAGS='-fsanitize=address -fno-omit-frame-pointer'
	$(Q)$(MAKE) --no-print-directory tsan-envoy-run BUILD=build/tsan SANFLAGS='-fsanitize=thread'
asan-hosts-run: all nginx envoy $(asan_hosts)
	$(Q)SOAK_SECONDS=20 sh tests/tools/sanitized.sh $(BUILD) $(asan_hosts)
tsan-envoy-run: envoy $(BUILD)/tests/unit/test_envoy_module
	$(Q)sh tests/tools/sanitized.sh $(BUILD) $(BUILD)/tests/unit/test_envoy_module

# A build per sanitizer, each in its own folder, so switching needs no clean.
asan:
	$(Q)$(MAKE) test BUILD=build/asan SANFLAGS='-fsanitize=address -fno-omit-frame-pointer'
ubsan:
	$(Q)$(MAKE) test BUILD=build/ubsan SANFLAGS='-fsanitize=undefined -fno-sanitize-recover=all'
tsan:
	$(Q)TSAN_OPTIONS=halt_on_error=1 $(MAKE) test BUILD=build/tsan SANFLAGS='-fsanitize=thread'

# The portal, its gateway and its command line as real processes, with sanitizers.
portal_tests = $(foreach t,api fuzz gateway mail rest saml tls,interop/test_portal_$(t))
portal_races = $(foreach t,api kill rest,interop/test_portal_$(t))
portal-sanitized:
	$(Q)$(MAKE) --no-print-directory portal-sanitized-run BUILD=build/asan SANFLAGS='-fsanitize=address -fno-omit-frame-pointer' \
	    portal_chosen='$(filter-out $(basename $(without:tests/%=%)),$(portal_tests))'
	$(Q)KILLS=10 $(MAKE) --no-print-directory portal-sanitized-run BUILD=build/tsan SANFLAGS='-fsanitize=thread' \
	    portal_chosen='$(portal_races)'
portal-sanitized-run: all $(portal_chosen:%=$(BUILD)/tests/%)
	$(Q)sh tests/tools/sanitized.sh $(BUILD) $(portal_chosen:%=$(BUILD)/tests/%)
.PHONY: portal-sanitized portal-sanitized-run

# For arm64, with Debian's cross compiler, and run by qemu-user.  LDFLAGS come from the environment, since a target adds to them.
arm64:
	$(Q)sh tests/tools/packages.sh arm64
	$(Q)sh tests/tools/arm64.sh sysroot build/arm64
	$(Q)PKG_CONFIG_SYSROOT_DIR=$(arm64_root) PKG_CONFIG_LIBDIR=$(arm64_root)/$(arm64_lib)/pkgconfig \
	    LDFLAGS='-L$(arm64_root)/$(arm64_lib) -Wl,-rpath-link,$(arm64_root)/$(arm64_lib)' \
	    $(MAKE) --no-print-directory arm64-run BUILD=build/arm64 CC=aarch64-linux-gnu-gcc AR=aarch64-linux-gnu-ar \
	    CPPFLAGS='-isystem $(arm64_root)/usr/include -isystem $(arm64_root)/usr/include/aarch64-linux-gnu'
arm64-run: $(libs) $(unit_bin) $(race_bin)
	$(Q)sh tests/tools/arm64.sh run $(BUILD) $(unit_bin) $(race_bin)
arm64_root = $(CURDIR)/build/arm64/sysroot
arm64_lib  = usr/lib/aarch64-linux-gnu

coverage: covered = $(wildcard $(foreach t,ctl ctl_account ctl_transfer portal_api portal_gateway portal_rest,tests/interop/test_$(t).c))
coverage:
	$(Q)$(MAKE) test all BUILD=build/coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic'
	$(Q)$(MAKE) $(covered:%.c=build/coverage/%) BUILD=build/coverage CFLAGS='-O0 -g --coverage -fprofile-update=atomic'
	$(Q)sh tests/tools/run.sh build/coverage $(covered:%.c=build/coverage/%)
	$(Q)gcovr -r . --object-directory build/coverage/a/lib --filter 'lib/' --exclude-unreachable-branches \
	    --exclude-throw-branches --print-summary --fail-under-line $(COVERAGE)
COVERAGE ?= 90

# ---- static checks ------------------------------------------------------------------

layers:
	$(Q)sh tests/tools/layers.sh
headers:
	$(Q)CC='$(CC)' sh tests/tools/headers.sh
exports: $(libs)
	$(Q)sh tests/tools/exports.sh $(BUILD)
readme: $(core_a)
	$(Q)CC='$(CC)' sh tests/tools/readme.sh $(BUILD)
installed: all
	$(Q)CC='$(CC)' sh tests/tools/install.sh $(BUILD)

c_files := $(shell find include lib examples bench tests -name '*.[ch]')
format: ; $(Q)clang-format -i $(c_files)
format-check: ; $(Q)clang-format --dry-run -Werror $(c_files)
lint:
	$(Q)sh tests/tools/lint.sh

# Models of index and limits; spin looks at every interleaving.
models:
	$(Q)sh tests/tools/packages.sh models
	$(Q)sh tests/tools/models.sh build/models

# ---- fuzzing ------------------------------------------------------------------------

fuzz_src := $(sort $(wildcard tests/fuzz/fuzz_*.c))
replay_bin := $(fuzz_src:tests/fuzz/fuzz_%.c=$(BUILD)/replay/%)
$(BUILD)/replay/%: tests/fuzz/fuzz_%.c tests/fuzz/replay.c $(store_a) $(core_a)
	@mkdir -p $(@D) && $(say) CC $@
	$(Q)$(compile) -Ilib -o $@ $< tests/fuzz/replay.c $(core_a) $(LDFLAGS) $(core_libs)
replay: $(replay_bin)
	$(Q)set -e; for b in $(replay_bin); do $$b tests/fuzz/corpus/$${b##*/}/*; done

FUZZ_TIME ?= 60
fuzz:
	$(Q)$(MAKE) fuzz-run CC=clang BUILD=build/fuzz \
	    SANFLAGS='-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all'
fuzz-run: $(core_a)
	$(Q)set -e; for f in $(fuzz_src); do n=$${f#tests/fuzz/fuzz_}; n=$${n%.c}; \
	    $(CC) $(own_cpp) -std=c11 -pthread $(arch) -g -O1 -Ilib -fsanitize=fuzzer,address,undefined $$f $(core_a) $(core_libs) \
	        -o $(BUILD)/fuzz_$$n; \
	    mkdir -p $(BUILD)/corpus/$$n; echo "fuzzing $$n for $(FUZZ_TIME) s"; \
	    $(BUILD)/fuzz_$$n -max_total_time=$(FUZZ_TIME) -timeout=10 -print_final_stats=0 -verbosity=0 \
	        $(BUILD)/corpus/$$n tests/fuzz/corpus/$$n; done

# ---- examples, demo, benchmarks -----------------------------------------------------

examples: $(example_bin)
	$(Q)set -e; for b in $(example_bin); do echo "  RUN     $$b"; $$b > $$b.out; done

demo_upstream := $(BUILD)/examples/demo/upstream
$(demo_upstream): $(BUILD)/examples/demo/upstream.o
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(proxy_libs)
demo:
	$(Q)sh tests/tools/packages.sh build
	$(Q)$(MAKE) --no-print-directory demo-run
demo-run: all $(demo_upstream)
	$(Q)KEEP=$(KEEP) sh examples/demo/demo.sh $(BUILD)

# On loopback, with a sample organization; PORT=0 takes a free one.
portal:
	$(Q)sh tests/tools/packages.sh build
	$(Q)$(MAKE) --no-print-directory portal-run
portal-run: all $(demo_upstream)
	$(Q)exec sh examples/portal/sample.sh $(BUILD)
.PHONY: portal portal-run

# The harness: bench/README.md.  BIG=1 adds ten million clients.
bench_bin := $(BUILD)/bench/clientid-bench
$(BUILD)/bench/harness/%.o: bench/harness/%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -c -o $@ $<
$(bench_bin): $(patsubst bench/%.c,$(BUILD)/bench/%.o,$(sort $(wildcard bench/harness/*.c))) $(store_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs) -lm
# What a check costs in NGINX and Envoy, beside their own means.
bench_http := $(BUILD)/bench/http/bench-http
$(BUILD)/bench/http/%.o: bench/http/%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -c -o $@ $<
$(bench_http): $(patsubst bench/%.c,$(BUILD)/bench/%.o,$(sort $(wildcard bench/http/*.c))) $(store_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs)
bench-http:
	$(Q)sh tests/tools/packages.sh bench
	$(Q)$(MAKE) --no-print-directory bench-http-run
bench-http-run: all nginx envoy $(bench_http)
	$(Q)$(bench_http) $(BUILD) "$$(sh tests/tools/envoy.sh)" /usr/lib/nginx/modules
# A decision beside those of other limiters.  What cannot be installed, or has no tool chain here, is left out and named.
bench_peers := $(addprefix $(BUILD)/peers/,clientid redis write_keys)
$(bench_peers): $(BUILD)/peers/%: bench/peers/%.c bench/peers/work.c $(core_a)
	@mkdir -p $(@D) && $(say) CC $@
	$(Q)$(compile) -o $@ $< bench/peers/work.c $(core_a) $(LDFLAGS) $(core_libs)
.PHONY: bench-peers bench-peers-run
bench-peers:
	$(Q)sh tests/tools/packages.sh build
	$(Q)sh tests/tools/packages.sh peers || echo "bench-peers: goes on with what is there"
	$(Q)$(MAKE) --no-print-directory bench-peers-run
bench-peers-run: $(bench_peers)
	$(Q)sh bench/peers/run.sh $(BUILD)

# What the portal sustains: 1,000 reads and 200 writes a second, and the feed, at 100,000 applications.
bench_portal := $(BUILD)/bench/portal/bench-portal
$(BUILD)/bench/portal/%.o: bench/portal/%.c $(stamp)
	@mkdir -p $(@D) && $(say) CC $<
	$(Q)$(compile) -c -o $@ $<
$(bench_portal): $(patsubst bench/%.c,$(BUILD)/bench/%.o,$(sort $(wildcard bench/portal/*.c))) $(store_a) $(anypoint_a) $(core_a)
	@$(say) LD $@
	$(Q)$(link) -o $@ $^ $(core_libs) $(store_libs) $(proxy_libs)
.PHONY: bench-portal
bench-portal: $(bench_portal) $(BUILD)/clientid-portal
	$(Q)$(bench_portal) $(BUILD)/clientid-portal $(BUILD)/bench/portal
# Tiny: every answer is the one that is due.
.PHONY: bench-portal-smoke
bench-portal-smoke: $(bench_portal) $(BUILD)/clientid-portal
	$(Q)$(bench_portal) $(BUILD)/clientid-portal $(BUILD)/bench/portal 1 1000 >$(BUILD)/bench/portal-smoke.txt
	@echo "bench-portal-smoke passed"

bench_commit = $(shell git rev-parse --short HEAD 2>/dev/null)
bench: $(bench_bin)
	$(Q)$(bench_bin) $(if $(BIG),--big) --folder $(BUILD)/bench --page $(BUILD)/bench/page.txt --json $(BUILD)/bench/results.json \
	    --tsv $(BUILD)/bench/results.tsv $(if $(bench_commit),--commit $(bench_commit)) 2>$(BUILD)/bench/progress.log || \
	    { rc=$$?; cat $(BUILD)/bench/progress.log >&2; exit $$rc; }
# Tiny sizes, seconds: every scenario gives the verdicts that it should.
bench-smoke: $(bench_bin)
	$(Q)$(bench_bin) --quick --folder $(BUILD)/bench --json $(BUILD)/bench/smoke.json >$(BUILD)/bench/smoke.txt 2>&1 || \
	    { rc=$$?; cat $(BUILD)/bench/smoke.txt >&2; exit $$rc; }
	@echo "bench-smoke passed"
# Draws bench/charts/*.svg from the figures of the last "make bench".
bench-charts:
	$(Q)sh tests/tools/packages.sh charts
	$(Q)sh bench/charts.sh $(BUILD)/bench/results.tsv bench/charts

# Instructions of a decision, by callgrind, against a file.  A build of its own: the counts hold for these flags.
instructions instructions-update:
	$(Q)sh tests/tools/packages.sh instructions
	$(Q)$(MAKE) --no-print-directory $@-run BUILD=build/instructions CC=gcc CFLAGS='-O2 -g' CPPFLAGS= LDFLAGS=
$(BUILD)/bench/instructions: bench/instructions.c $(core_a)
	@mkdir -p $(@D) && $(say) CC $@
	$(Q)$(compile) -o $@ $< $(core_a) $(LDFLAGS) $(core_libs)
instructions-run: $(BUILD)/bench/instructions
	$(Q)sh tests/tools/instructions.sh check $< tests/instructions.txt
instructions-update-run: $(BUILD)/bench/instructions
	$(Q)sh tests/tools/instructions.sh update $< tests/instructions.txt

check:
	$(Q)sh tests/tools/packages.sh check
	$(Q)$(MAKE) --no-print-directory check-all
check-all: all layers headers exports test replay examples readme installed interop bench-smoke bench-portal-smoke
	@echo "check passed"

# ---- install ------------------------------------------------------------------------

installed := libclientid libclientid-store libclientid-anypoint $(if $(access),libclientid-access)
pc_files  := $(installed:%=$(BUILD)/%.pc)
$(BUILD)/%.pc: lib/%.pc.in include/clientid/version.h FORCE
	$(Q)sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@INCLUDEDIR@|$(INCLUDEDIR)|' \
	    -e 's|@VERSION@|$(VERSION)|' $< > $@

installed_libs := $(foreach l,libclientid libclientid-store libclientid-anypoint libclientid-access,$(l).a $(l).so $(l).so.$(SOVERSION) $(l).so.$(VERSION))

install: all $(pc_files)
	$(INSTALL) -d "$(DESTDIR)$(LIBDIR)/pkgconfig" "$(DESTDIR)$(INCLUDEDIR)/clientid" "$(DESTDIR)$(BINDIR)"
	$(INSTALL) -m 644 include/clientid/*.h "$(DESTDIR)$(INCLUDEDIR)/clientid"
	$(INSTALL) -m 644 $(installed:%=$(BUILD)/%.a) "$(DESTDIR)$(LIBDIR)"
	$(INSTALL) -m 755 $(installed:%=$(BUILD)/%.so.$(VERSION)) "$(DESTDIR)$(LIBDIR)"
	for l in $(installed); do \
	    ln -sf $$l.so.$(VERSION) "$(DESTDIR)$(LIBDIR)/$$l.so.$(SOVERSION)" && \
	    ln -sf $$l.so.$(SOVERSION) "$(DESTDIR)$(LIBDIR)/$$l.so" || exit 1; done
	$(INSTALL) -m 644 $(pc_files) "$(DESTDIR)$(LIBDIR)/pkgconfig"
	$(INSTALL) -m 755 $(programs) "$(DESTDIR)$(BINDIR)"

# As Debian's packages of modules do it: loaded by a file in modules-enabled, which the distribution's nginx.conf includes.
NGINX_MODULES ?= $(shell $(NGINX) -V 2>&1 | sed -n 's/.*--modules-path=\([^ ]*\).*/\1/p')
NGINX_SHARE   ?= /usr/share/nginx/modules-available
NGINX_ENABLED ?= /etc/nginx/modules-enabled
install-nginx: nginx
	$(if $(NGINX_MODULES),,$(error $(NGINX) -V names no --modules-path: set NGINX_MODULES))
	$(INSTALL) -d "$(DESTDIR)$(NGINX_MODULES)" "$(DESTDIR)$(NGINX_SHARE)" "$(DESTDIR)$(NGINX_ENABLED)"
	$(INSTALL) -m 644 $(nginx_so) "$(DESTDIR)$(NGINX_MODULES)"
	echo "load_module $(NGINX_MODULES)/$(nginx_name).so;" > "$(DESTDIR)$(NGINX_SHARE)/mod-http-clientid.conf"
	ln -sf "$(NGINX_SHARE)/mod-http-clientid.conf" "$(DESTDIR)$(NGINX_ENABLED)/50-mod-http-clientid.conf"
uninstall-nginx:
	rm -f "$(DESTDIR)$(NGINX_MODULES)/$(nginx_name).so" "$(DESTDIR)$(NGINX_SHARE)/mod-http-clientid.conf" \
	    "$(DESTDIR)$(NGINX_ENABLED)/50-mod-http-clientid.conf"

uninstall:
	rm -f $(foreach h,$(notdir $(wildcard include/clientid/*.h)),"$(DESTDIR)$(INCLUDEDIR)/clientid/$(h)")
	rm -f $(foreach f,$(installed_libs),"$(DESTDIR)$(LIBDIR)/$(f)")
	rm -f $(foreach f,libclientid.pc libclientid-store.pc libclientid-anypoint.pc libclientid-access.pc,"$(DESTDIR)$(LIBDIR)/pkgconfig/$(f)")
	rm -f $(foreach f,$(notdir $(programs)),"$(DESTDIR)$(BINDIR)/$(f)")
	-rmdir "$(DESTDIR)$(INCLUDEDIR)/clientid"

clean:
	rm -rf build

.PHONY: FORCE all nginx install-nginx uninstall-nginx envoy install-envoy test interop hosts check-hosts soak soak-run asan-hosts \
    asan-hosts-run tsan-envoy-run bench-http bench-http-run asan ubsan tsan arm64 arm64-run models instructions \
    instructions-run instructions-update instructions-update-run coverage layers headers exports readme installed \
    format format-check lint replay fuzz fuzz-run examples demo demo-run bench bench-smoke bench-charts check check-all install \
    uninstall clean
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
