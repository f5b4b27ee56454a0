/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_SANITIZER_H
#define SUPPORT_SANITIZER_H

/* gcc says it by a macro, clang by a feature. */
#if defined(__has_feature)
#define SUPPORT_HAS_FEATURE(name) __has_feature(name)
#else
#define SUPPORT_HAS_FEATURE(name) 0
#endif

#if defined(__SANITIZE_THREAD__) || SUPPORT_HAS_FEATURE(thread_sanitizer)
#define SUPPORT_TSAN 1
#else
#define SUPPORT_TSAN 0
#endif

#if defined(__SANITIZE_ADDRESS__) || SUPPORT_HAS_FEATURE(address_sanitizer)
#define SUPPORT_ASAN 1
#else
#define SUPPORT_ASAN 0
#endif

#endif
