// `voxlift-trainer`: what `voxlift` runs for the commands that need LibTorch.

#include "base/allocation.h"
#include "base/log.h"
#include "launcher/cli/checkpoint_bench_command.h"
#include "launcher/cli/command.h"
#include "launcher/cli/conv_doctor_command.h"
#include "launcher/cli/experiment_command.h"
#include "launcher/cli/export_command.h"
#include "launcher/cli/import_command.h"
#include "launcher/cli/predict_command.h"
#include "launcher/cli/step_bench_command.h"
#include "launcher/cli/train_command.h"

int main(int argc, char** argv) {
  using namespace voxlift;
  keep_freed_memory();
  init_logging(argv[0], {});
  const launcher::Program program = {
      "voxlift",
      "the commands of voxlift that need LibTorch",
      {launcher::train_command(), launcher::evaluate_command(),
       launcher::experiment_command(), launcher::export_command(),
       launcher::import_command(), launcher::predict_command(),
       launcher::conv_doctor_command(), launcher::checkpoint_bench_command(),
       launcher::step_bench_command()}};
  return launcher::run_program(program, launcher::arguments_of(argc, argv));
}
