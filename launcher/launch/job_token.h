#pragma once
// A mark on every process of one launch, on whatever host it runs.

#include <string>
#include <vector>

namespace voxlift::launcher {

// The environment variable that holds it.
constexpr const char* kJobTokenVariable = "VOXLIFT_JOB_TOKEN";

// A new one: 16 hex digits.
std::string make_job_token();

// Of this user, on this host, started with that token in the environment.
std::vector<int> processes_of_job(const std::string& token);

// Kills them, and what they start meanwhile; returns how many there were.
int end_job(const std::string& token);

}  // namespace voxlift::launcher
