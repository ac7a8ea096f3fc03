#pragma once
// Checks what an error says.

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "base/error.h"

namespace voxlift::test {

// Calls `body`, which must throw an ErrorType whose one-line message contains
// every one of `parts`.
template <typename ErrorType, typename Body>
void expect_error(Body&& body, std::initializer_list<std::string> parts) {
  try {
    body();
  } catch (const ErrorType& error) {
    const std::string message = error.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& part : parts) {
      EXPECT_NE(message.find(part), std::string::npos)
          << "'" << part << "' is not in: " << message;
    }
    return;
  } catch (const std::exception& error) {
    FAIL() << "another error: " << error.what();
  }
  FAIL() << "nothing was thrown";
}

}  // namespace voxlift::test
