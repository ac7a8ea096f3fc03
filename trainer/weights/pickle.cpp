#include "trainer/weights/pickle.h"

#include <cstring>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

using Kind = PickleValue::Kind;

// Opcodes by the names that Python's pickletools gives them.
enum Opcode : uint8_t {
  kMark = '(',
  kStop = '.',
  kPop = '0',
  kBinFloat = 'G',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kNone = 'N',
  kBinPersId = 'Q',
  kReduce = 'R',
  kBinString = 'T',
  kShortBinString = 'U',
  kBinUnicode = 'X',
  kEmptyList = ']',
  kAppend = 'a',
  kBuild = 'b',
  kGlobal = 'c',
  kAppends = 'e',
  kBinGet = 'h',
  kLongBinGet = 'j',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kSetItem = 's',
  kTuple = 't',
  kSetItems = 'u',
  kEmptyDict = '}',
  kEmptyTuple = ')',
  kBinBytes = 'B',
  kShortBinBytes = 'C',
  kProto = 0x80,
  kNewObj = 0x81,
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kLong1 = 0x8a,
  kShortBinUnicode = 0x8c,
  kEmptySet = 0x8f,
  kAddItems = 0x90,
  kStackGlobal = 0x93,
  kMemoize = 0x94,
  kFrame = 0x95,
};

// The stack machine of the pickle format.
class PickleMachine {
 public:
  PickleMachine(std::span<const std::byte> bytes, size_t position,
                const std::string& origin, PickleArena* arena)
      : bytes_(bytes), position_(position), origin_(origin), arena_(arena) {}

  PickleRef run() {
    while (true) {
      start_ = position_;
      const auto opcode = read<uint8_t>();
      if (opcode == kStop) {
        return pop();
      }
      if (!push_constant(opcode) && !build_container(opcode) &&
          !use_memo(opcode) && !call(opcode)) {
        fail(str_cat("opcode 0x", hex(opcode, 2), " is not supported"));
      }
    }
  }

  size_t position() const { return position_; }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw DataError(
        str_cat("'", origin_, "': pickle at byte ", start_, ": ", why));
  }

  template <typename T>
  T read() {
    T value{};
    const auto source = take(sizeof(T));
    std::memcpy(&value, source.data(), sizeof(T));
    return value;
  }

  std::span<const std::byte> take(uint64_t count) {
    if (count > bytes_.size() - position_) {
      fail(str_cat("needs ", count, " bytes, ", bytes_.size() - position_,
                   " are left"));
    }
    const auto piece = bytes_.subspan(position_, count);
    position_ += count;
    return piece;
  }

  std::string take_text(uint64_t count) {
    const auto piece = take(count);
    return {reinterpret_cast<const char*>(piece.data()), piece.size()};
  }

  std::string take_line() {
    std::string line;
    for (char c = read<char>(); c != '\n'; c = read<char>()) {
      line += c;
    }
    return line;
  }

  // Two's complement, little-endian; longer ones (torch's magic number) are
  // kept as their low 64 bits.
  int64_t take_long(size_t count) {
    const auto piece = take(count);
    uint64_t value = 0;
    const bool negative =
        count > 0 && (std::to_integer<unsigned>(piece[count - 1]) & 0x80U) != 0;
    for (size_t i = 0; i < 8; ++i) {
      const uint64_t byte = i < count ? std::to_integer<uint64_t>(piece[i])
                                      : (negative ? 0xFFU : 0U);
      value |= byte << (8 * i);
    }
    return static_cast<int64_t>(value);
  }

  double take_big_endian_double() {
    const auto bits = __builtin_bswap64(read<uint64_t>());
    double value = 0.0;
    std::memcpy(&value, &bits, sizeof(value));
    return value;
  }

  void push(PickleRef value) { stack_.push_back(std::move(value)); }

  PickleRef make(Kind kind) { return arena_->make(kind); }

  PickleRef make_int(Kind kind, int64_t integer) {
    const PickleRef value = make(kind);
    value->integer = integer;
    return value;
  }

  PickleRef make_text(Kind kind, std::string text) {
    const PickleRef value = make(kind);
    value->text = std::move(text);
    return value;
  }

  PickleRef pop() {
    if (stack_.empty()) {
      fail("the stack is empty");
    }
    const PickleRef value = stack_.back();
    stack_.pop_back();
    return value;
  }

  PickleValue& top() {
    if (stack_.empty()) {
      fail("the stack is empty");
    }
    return *stack_.back();
  }

  // Everything above the topmost mark, and the mark itself, leave the stack.
  std::vector<PickleRef> pop_to_mark() {
    size_t mark = stack_.size();
    while (mark > 0 && stack_[mark - 1]->kind != Kind::kMark) {
      --mark;
    }
    if (mark == 0) {
      fail("no mark on the stack");
    }
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(mark);
    std::vector<PickleRef> items(begin, stack_.end());
    stack_.resize(mark - 1);
    return items;
  }

  void push_tuple(std::vector<PickleRef> items) {
    auto tuple = make(Kind::kTuple);
    tuple->items = std::move(items);
    push(tuple);
  }

  void push_tuple_of(size_t count) {
    std::vector<PickleRef> items(count);
    for (size_t i = count; i > 0; --i) {
      items[i - 1] = pop();
    }
    push_tuple(std::move(items));
  }

  bool push_constant(uint8_t opcode) {
    switch (opcode) {
      case kProto:
        read<uint8_t>();
        return true;
      case kFrame:
        read<uint64_t>();
        return true;
      case kNone:
        push(make(Kind::kNone));
        return true;
      case kNewTrue:
      case kNewFalse:
        push(make_int(Kind::kBool, opcode == kNewTrue ? 1 : 0));
        return true;
      case kBinInt:
        push(make_int(Kind::kInt, read<int32_t>()));
        return true;
      case kBinInt1:
        push(make_int(Kind::kInt, read<uint8_t>()));
        return true;
      case kBinInt2:
        push(make_int(Kind::kInt, read<uint16_t>()));
        return true;
      case kLong1:
        push(make_int(Kind::kInt, take_long(read<uint8_t>())));
        return true;
      case kBinFloat:
        push(make(Kind::kFloat));
        top().real = take_big_endian_double();
        return true;
      default:
        return push_text(opcode);
    }
  }

  bool push_text(uint8_t opcode) {
    switch (opcode) {
      case kBinUnicode:
      case kBinString:
      case kBinBytes:
        push(make_text(Kind::kText, take_text(read<uint32_t>())));
        return true;
      case kShortBinUnicode:
      case kShortBinString:
      case kShortBinBytes:
        push(make_text(Kind::kText, take_text(read<uint8_t>())));
        return true;
      default:
        return false;
    }
  }

  bool build_container(uint8_t opcode) {
    switch (opcode) {
      case kMark:
        push(make(Kind::kMark));
        return true;
      case kPop:
        pop();
        return true;
      case kEmptyList:
      case kEmptySet:
        push(make(Kind::kList));
        return true;
      case kEmptyDict:
        push(make(Kind::kDict));
        return true;
      case kEmptyTuple:
        push(make(Kind::kTuple));
        return true;
      case kTuple:
        push_tuple(pop_to_mark());
        return true;
      case kTuple1:
      case kTuple2:
      case kTuple3:
        push_tuple_of(static_cast<size_t>(opcode - kTuple1) + 1);
        return true;
      default:
        return extend_container(opcode);
    }
  }

  bool extend_container(uint8_t opcode) {
    std::vector<PickleRef> items;
    switch (opcode) {
      case kAppend:
        items = {pop()};
        break;
      case kSetItem:
        items.resize(2);
        items[1] = pop();
        items[0] = pop();
        break;
      case kAppends:
      case kSetItems:
      case kAddItems:
        items = pop_to_mark();
        break;
      default:
        return false;
    }
    PickleValue& container = top();
    if (container.kind != Kind::kList && container.kind != Kind::kDict) {
      fail("items are added to what is no list or dict");
    }
    container.items.insert(container.items.end(), items.begin(), items.end());
    return true;
  }

  void memo_put(uint64_t key) {
    top();  // Checks.
    memo_[key] = stack_.back();
  }

  void memo_get(uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) {
      fail(str_cat("memo ", key, " is not set"));
    }
    push(found->second);
  }

  bool use_memo(uint8_t opcode) {
    switch (opcode) {
      case kBinPut:
        memo_put(read<uint8_t>());
        return true;
      case kLongBinPut:
        memo_put(read<uint32_t>());
        return true;
      case kMemoize:
        memo_put(memo_.size());
        return true;
      case kBinGet:
        memo_get(read<uint8_t>());
        return true;
      case kLongBinGet:
        memo_get(read<uint32_t>());
        return true;
      default:
        return false;
    }
  }

  bool call(uint8_t opcode) {
    switch (opcode) {
      case kGlobal: {
        const std::string module = take_line();
        push(make_text(Kind::kGlobal, module + "." + take_line()));
        return true;
      }
      case kStackGlobal: {
        const std::string name = pop()->text;
        push(make_text(Kind::kGlobal, pop()->text + "." + name));
        return true;
      }
      case kBinPersId: {
        auto value = make(Kind::kPersistent);
        value->items = {pop()};
        push(value);
        return true;
      }
      case kReduce:
      case kNewObj:
        reduce();
        return true;
      case kBuild:
        pop();  // The state of an object: hooks, metadata; not needed.
        top();
        return true;
      default:
        return false;
    }
  }

  void reduce() {
    const PickleRef arguments = pop();
    const PickleRef function = pop();
    if (function->kind != Kind::kGlobal) {
      fail("a call of what is no function");
    }
    if (function->text == "collections.OrderedDict") {
      push(make(Kind::kDict));
      return;
    }
    // Shares the tuple: copies of it would let a short file fill the memory.
    auto value = make_text(Kind::kCall, function->text);
    value->items = {arguments};
    push(value);
  }

  std::span<const std::byte> bytes_;
  size_t position_;
  size_t start_ = 0;
  const std::string& origin_;
  PickleArena* arena_;
  std::vector<PickleRef> stack_;
  std::map<uint64_t, PickleRef> memo_;
};

}  // namespace

PickleRef PickleValue::find(const std::string& name) const {
  if (kind == Kind::kDict) {
    for (size_t i = 0; i + 1 < items.size(); i += 2) {
      if (items[i]->kind == Kind::kText && items[i]->text == name) {
        return items[i + 1];
      }
    }
  }
  return nullptr;
}

PickleRef parse_pickle(std::span<const std::byte> bytes, size_t* position,
                       const std::string& origin, PickleArena* arena) {
  PickleMachine machine(bytes, *position, origin, arena);
  PickleRef value = machine.run();
  *position = machine.position();
  return value;
}

}  // namespace voxlift::trainer
