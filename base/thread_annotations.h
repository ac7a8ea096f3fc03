#pragma once
// Clang's thread-safety attributes (clang -Wthread-safety); nothing elsewhere.

#if defined(__clang__)
#define VOXLIFT_GUARDED_BY(mutex) __attribute__((guarded_by(mutex)))
#else
#define VOXLIFT_GUARDED_BY(mutex)
#endif
