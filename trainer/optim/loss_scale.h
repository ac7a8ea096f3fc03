#pragma once
// The factor that keeps small gradients above what 16 bits can hold.

#include <cstdint>
#include <string>

namespace voxlift::trainer {

// Text is "none", a power of two ("512": static) or "dynamic": from 65536,
// halved when a gradient overflows, doubled after 2000 good steps.
// Powers of two only: scaling up and down again changes no bit.
// Source: Micikevicius et al., "Mixed precision training", ICLR 2018, arXiv
// 1710.03740, section 3.2.
class LossScale {
 public:
  // Throws ConfigError naming `key`.
  LossScale(const std::string& text, const std::string& key);

  double value() const { return value_; }

  int64_t good_steps() const { return good_steps_; }

  // A dynamic one goes on from a checkpoint; a static one stays as configured.
  void restore(double value, int64_t good_steps);

  // The gradients of a step were finite.
  void took_step();

  // They were not. True if a lower scale may help: then it is lower now.
  bool lower();

 private:
  bool dynamic_ = false;
  double value_ = 1.0;
  int64_t good_steps_ = 0;
};

}  // namespace voxlift::trainer
