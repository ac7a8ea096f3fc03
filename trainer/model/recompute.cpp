#include "trainer/model/recompute.h"

#include <string>
#include <utility>

#include "base/error.h"
#include "trainer/autocast.h"

namespace voxlift::trainer {
namespace {

using Body = std::function<torch::Tensor(const torch::Tensor&)>;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// What backward needs beside x.
struct Kept : torch::CustomClassHolder {
  Kept(Body given_body, std::string given_precision)
      : body(std::move(given_body)), precision(std::move(given_precision)) {}

  Body body;
  std::string precision;
};

class Recompute : public torch::autograd::Function<Recompute> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& x,
                               const Body& body) {
    context->save_for_backward({x});
    context->saved_data["kept"] = c10::IValue::make_capsule(
        c10::make_intrusive<Kept>(body, AutocastScope::precision_here()));
    const torch::NoGradGuard no_grad;
    return body(x);
  }

  static variable_list backward(AutogradContext* context,
                                const variable_list& dy) {
    const auto kept = c10::static_intrusive_pointer_cast<Kept>(
        context->saved_data["kept"].toCapsule());
    const torch::Tensor x =
        context->get_saved_variables()[0].detach().requires_grad_();
    const torch::Tensor y = [&] {
      const torch::AutoGradMode with_grad(true);
      const AutocastScope autocast(kept->precision, x.device());
      return kept->body(x);
    }();
    torch::autograd::backward({y}, {dy[0]});
    return {x.grad(), torch::Tensor()};
  }
};

}  // namespace

torch::Tensor recompute_in_backward(const Body& body, const torch::Tensor& x) {
  if (!torch::GradMode::is_enabled()) {
    return body(x);
  }
  VOXLIFT_CHECK(x.requires_grad(), "nothing would reach the parameters");
  return Recompute::apply(x, body);
}

}  // namespace voxlift::trainer
