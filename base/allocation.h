#pragma once

// How malloc treats what is freed.

namespace voxlift {

// Makes glibc's malloc keep the memory that is freed, whatever the size of the
// block. By default it gives blocks of more than 32 MB, and the end of its
// heap, back to the kernel, which then hands out zeroed pages anew: 5 to 10 %
// of a training step on the CPU, whose tensors are the same sizes in every
// step. Once, at the start of main. Does nothing without glibc, or where
// another malloc, which keeps memory by itself, is linked.
void keep_freed_memory();

// Gives back what is free now: after work that will not come again.
void release_freed_memory();

}  // namespace voxlift
