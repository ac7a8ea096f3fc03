#pragma once
// Reads Python pickles as data: nothing is imported and nothing is executed.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

namespace voxlift::trainer {

struct PickleValue;
// Owned by a PickleArena.
using PickleRef = PickleValue*;

// A value of a pickle. Calls of Python functions stay what they are: kCall with
// the function's name and its arguments.
struct PickleValue {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kText,        // str and bytes: text.
    kList,        // items.
    kTuple,       // items.
    kDict,        // items: key, value, key, value, ...
    kGlobal,      // text: "module.name".
    kCall,        // text: the function; items[0]: the tuple of arguments.
    kPersistent,  // items[0]: the persistent id.
    kMark,
  };

  Kind kind = Kind::kNone;
  int64_t integer = 0;  // kBool, kInt.
  double real = 0.0;
  std::string text;
  std::vector<PickleRef> items;

  // Value of key `name` in a dict; null if absent or no dict.
  PickleRef find(const std::string& name) const;
};

// Owns the values of any number of pickles. Values refer to each other freely,
// in circles, too; they go all at once, without recursion.
class PickleArena {
 public:
  PickleRef make(PickleValue::Kind kind) {
    PickleValue& value = values_.emplace_back();
    value.kind = kind;
    return &value;
  }

 private:
  std::deque<PickleValue> values_;
};

// Parses the pickle that begins at bytes[*position] and moves *position behind
// its STOP. Protocols 2 to 4, the opcodes that torch.save writes. Throws
// DataError naming `origin`, the byte and the opcode.
// Cost: linear in the bytes.
// The values live in `arena`.
PickleRef parse_pickle(std::span<const std::byte> bytes, size_t* position,
                       const std::string& origin, PickleArena* arena);

}  // namespace voxlift::trainer
