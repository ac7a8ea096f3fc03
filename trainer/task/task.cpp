#include "trainer/task/task.h"

#include "base/error.h"

namespace voxlift::trainer {

void Task::evaluate(const Batch& /*batch*/, CaseRows* /*rows*/) {
  throw InternalError("this task is not scored on samples");
}

CaseRow Task::evaluate_scan(const dataio::VolumeSource& /*scan*/) {
  throw InternalError("this task is not scored on scans");
}

}  // namespace voxlift::trainer
