#include "trainer/weights/pth.h"

#include <caffe2/serialize/inline_container.h>
#include <caffe2/serialize/read_adapter_interface.h>

#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <set>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/weights/pickle.h"

namespace voxlift::trainer {
namespace {

using Kind = PickleValue::Kind;

// The bytes of one storage by its key.
using StorageBytes =
    std::function<std::span<const std::byte>(const std::string& key)>;

struct StorageClass {
  const char* name;
  torch::ScalarType type;
};

constexpr std::array<StorageClass, 10> kStorageClasses = {
    {{"FloatStorage", torch::kFloat32},
     {"DoubleStorage", torch::kFloat64},
     {"HalfStorage", torch::kFloat16},
     {"BFloat16Storage", torch::kBFloat16},
     {"LongStorage", torch::kInt64},
     {"IntStorage", torch::kInt32},
     {"ShortStorage", torch::kInt16},
     {"CharStorage", torch::kInt8},
     {"ByteStorage", torch::kUInt8},
     {"BoolStorage", torch::kBool}}};

torch::ScalarType storage_type(const std::string& global,
                               const std::string& origin) {
  for (const StorageClass& entry : kStorageClasses) {
    if (global == str_cat("torch.", entry.name)) {
      return entry.type;
    }
  }
  throw DataError(
      str_cat("'", origin, "': storage type '", global, "' is not known"));
}

struct StorageRef {
  torch::ScalarType type = torch::kFloat32;
  std::string key;
};

// A persistent id is ("storage", type, key, location, number of elements, ...).
bool is_storage(const PickleValue& value) {
  return value.kind == Kind::kPersistent &&
         value.items.front()->items.size() >= 5 &&
         value.items.front()->items[1]->kind == Kind::kGlobal;
}

StorageRef storage_ref(const PickleValue& value, const std::string& origin) {
  if (!is_storage(value)) {
    throw DataError(str_cat("'", origin, "': a tensor without storage"));
  }
  const auto& fields = value.items.front()->items;
  return {storage_type(fields[1]->text, origin), fields[2]->text};
}

std::vector<int64_t> integers(const PickleValue& tuple) {
  std::vector<int64_t> values;
  for (const auto& item : tuple.items) {
    values.push_back(item->integer);
  }
  return values;
}

// Elements from the storage's begin to the last one that the view touches.
// Views that repeat elements are refused: a short file could claim any size.
int64_t elements_needed(int64_t offset, const std::vector<int64_t>& size,
                        const std::vector<int64_t>& stride,
                        const std::string& where) {
  if (size.size() != stride.size() || offset < 0) {
    throw DataError(str_cat(where, ": sizes and strides do not fit"));
  }
  int64_t last = offset;
  int64_t count = 1;
  bool empty = false;
  for (size_t i = 0; i < size.size(); ++i) {
    int64_t reach = 0;
    empty = empty || size[i] == 0;
    if (size[i] < 0 || stride[i] < 0 ||
        __builtin_mul_overflow(count, size[i], &count) ||
        __builtin_mul_overflow(std::max<int64_t>(size[i] - 1, 0), stride[i],
                               &reach) ||
        __builtin_add_overflow(last, reach, &last)) {
      throw DataError(str_cat(where, ": impossible size ", size[i]));
    }
  }
  if (!empty && count > last - offset + 1) {
    throw DataError(str_cat(where, ": ", count, " elements in a view over ",
                            last - offset + 1));
  }
  return empty ? offset : last + 1;
}

// Arguments: storage, offset, size, stride, ...
torch::Tensor rebuild_tensor(const PickleValue& call,
                             const StorageBytes& storages,
                             const std::string& where) {
  const auto& arguments = call.items.front()->items;
  if (arguments.size() < 4) {
    throw DataError(str_cat(where, ": a tensor needs 4 arguments, it has ",
                            arguments.size()));
  }
  const StorageRef ref = storage_ref(*arguments[0], where);
  const int64_t offset = arguments[1]->integer;
  const auto size = integers(*arguments[2]);
  const auto stride = integers(*arguments[3]);
  const auto bytes = storages(ref.key);
  const auto item_bytes = static_cast<int64_t>(c10::elementSize(ref.type));
  const int64_t available = static_cast<int64_t>(bytes.size()) / item_bytes;
  const int64_t needed = elements_needed(offset, size, stride, where);
  if (needed > available) {
    throw DataError(str_cat(where, ": storage '", ref.key, "' has ", available,
                            " elements, ", needed, " are needed"));
  }
  // Only what the view touches: many views may share a large storage.
  torch::Tensor flat = torch::empty({needed - offset}, ref.type);
  std::memcpy(flat.data_ptr(), bytes.data() + offset * item_bytes,
              static_cast<size_t>((needed - offset) * item_bytes));
  return flat.as_strided(size, stride, 0).clone();
}

// The call that makes a tensor, looking through Parameter wrappers; or null.
const PickleValue* tensor_call(const PickleValue& value) {
  if (value.kind != Kind::kCall) {
    return nullptr;
  }
  if (value.text == "torch._utils._rebuild_tensor_v2" ||
      value.text == "torch._utils._rebuild_tensor") {
    return &value;
  }
  const auto& arguments = value.items.front()->items;
  if (value.text == "torch._utils._rebuild_parameter" && !arguments.empty()) {
    return tensor_call(*arguments[0]);
  }
  return nullptr;
}

const PickleValue& state_dict_of(const PickleValue& root) {
  for (const char* name : {"state_dict", "model"}) {
    if (const PickleRef inner = root.find(name);
        inner != nullptr && inner->kind == Kind::kDict) {
      return *inner;
    }
  }
  return root;
}

TensorMap collect(const PickleValue& root, const StorageBytes& storages,
                  const std::string& origin) {
  const PickleValue& dict = state_dict_of(root);
  TensorMap tensors;
  for (size_t i = 0; dict.kind == Kind::kDict && i + 1 < dict.items.size();
       i += 2) {
    const PickleValue* call = tensor_call(*dict.items[i + 1]);
    if (call != nullptr && dict.items[i]->kind == Kind::kText) {
      const std::string& name = dict.items[i]->text;
      tensors.emplace_back(
          name, rebuild_tensor(*call, storages,
                               str_cat("'", origin, "', tensor '", name, "'")));
    }
  }
  if (tensors.empty()) {
    throw DataError(
        str_cat("'", origin, "': no state dict with tensors in it"));
  }
  return tensors;
}

// ---- zip container ----

class SpanReader : public caffe2::serialize::ReadAdapterInterface {
 public:
  explicit SpanReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  size_t size() const override { return bytes_.size(); }

  size_t read(uint64_t position, void* buffer, size_t count,
              const char* /*what*/) const override {
    if (position > bytes_.size()) {
      return 0;
    }
    const size_t n = std::min(count, bytes_.size() - position);
    std::memcpy(buffer, bytes_.data() + position, n);
    return n;
  }

 private:
  std::span<const std::byte> bytes_;
};

// A record of the archive, held in memory.
struct Record {
  at::DataPtr data;
  size_t size = 0;

  std::span<const std::byte> bytes() const {
    return {static_cast<const std::byte*>(data.get()), size};
  }
};

TensorMap parse_zip(std::span<const std::byte> bytes,
                    const std::string& origin) {
  caffe2::serialize::PyTorchStreamReader archive(
      std::make_shared<SpanReader>(bytes));
  std::map<std::string, Record> records;
  const auto record = [&](const std::string& name) {
    auto& entry = records[name];
    if (entry.data.get() == nullptr) {
      std::tie(entry.data, entry.size) = archive.getRecord(name);
    }
    return entry.bytes();
  };
  size_t position = 0;
  PickleArena arena;
  const PickleRef root =
      parse_pickle(record("data.pkl"), &position, origin, &arena);
  return collect(
      *root, [&](const std::string& key) { return record("data/" + key); },
      origin);
}

// ---- legacy container ----

constexpr std::string_view kLegacyMagic =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19";

// The types of all storages that persistent ids below `root` name. Values are
// shared and may contain themselves: each is visited once, without recursion.
std::map<std::string, torch::ScalarType> storage_types(
    const PickleValue& root, const std::string& origin) {
  std::map<std::string, torch::ScalarType> types;
  std::set<const PickleValue*> seen = {&root};
  std::vector<const PickleValue*> open = {&root};
  while (!open.empty()) {
    const PickleValue* value = open.back();
    open.pop_back();
    if (is_storage(*value)) {
      const StorageRef ref = storage_ref(*value, origin);
      types.emplace(ref.key, ref.type);
    }
    for (const PickleValue* item : value->items) {
      if (seen.insert(item).second) {
        open.push_back(item);
      }
    }
  }
  return types;
}

// Behind the pickles: for each key of the list, the number of elements (int64)
// and the elements.
std::map<std::string, std::span<const std::byte>> legacy_storages(
    std::span<const std::byte> bytes, size_t position, const PickleValue& root,
    const PickleValue& keys, const std::string& origin) {
  const auto types = storage_types(root, origin);
  std::map<std::string, std::span<const std::byte>> storages;
  for (const auto& key : keys.items) {
    const auto type = types.find(key->text);
    if (type == types.end() || bytes.size() - position < sizeof(int64_t)) {
      throw DataError(
          str_cat("'", origin, "': storage '", key->text, "' is not there"));
    }
    int64_t count = 0;
    std::memcpy(&count, bytes.data() + position, sizeof(count));
    position += sizeof(count);
    const size_t left = bytes.size() - position;
    const size_t item_bytes = c10::elementSize(type->second);
    if (count < 0 || static_cast<size_t>(count) > left / item_bytes) {
      throw DataError(str_cat("'", origin, "': storage '", key->text,
                              "' claims ", count, " elements, the file has ",
                              left, " bytes left"));
    }
    const size_t size = static_cast<size_t>(count) * item_bytes;
    storages[key->text] = bytes.subspan(position, size);
    position += size;
  }
  return storages;
}

TensorMap parse_legacy(std::span<const std::byte> bytes,
                       const std::string& origin) {
  size_t position = 0;
  PickleArena arena;
  const auto next = [&] {
    return parse_pickle(bytes, &position, origin, &arena);
  };
  next();  // Magic number.
  next();  // Protocol version.
  next();  // System information.
  const PickleRef root = next();
  const PickleRef keys = next();
  const auto storages = legacy_storages(bytes, position, *root, *keys, origin);
  return collect(
      *root,
      [&](const std::string& key) {
        const auto found = storages.find(key);
        if (found == storages.end()) {
          throw DataError(
              str_cat("'", origin, "': storage '", key, "' is not there"));
        }
        return found->second;
      },
      origin);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

bool starts_with(std::span<const std::byte> bytes, std::string_view prefix) {
  return bytes.size() >= prefix.size() &&
         std::memcmp(bytes.data(), prefix.data(), prefix.size()) == 0;
}

constexpr std::string_view kZipMagic = "PK\x03\x04";

// What LibTorch finds wrong with an archive is the file's damage.
template <typename Read>
auto with_damage_named(const std::string& origin, const Read& read) {
  try {
    return read();
  } catch (const c10::Error& error) {
    throw DataError(str_cat("'", origin, "': damaged: ",
                            first_line(error.what_without_backtrace())));
  }
}

}  // namespace

bool is_pth(std::span<const std::byte> bytes) {
  return starts_with(bytes, kLegacyMagic) || starts_with(bytes, kZipMagic);
}

const char* storage_class(torch::ScalarType type) {
  for (const StorageClass& entry : kStorageClasses) {
    if (entry.type == type) {
      return entry.name;
    }
  }
  throw InternalError("PyTorch has no storage for this tensor's type");
}

TensorMap parse_pth(std::span<const std::byte> bytes,
                    const std::string& origin) {
  return with_damage_named(origin, [&] {
    if (starts_with(bytes, kLegacyMagic)) {
      return parse_legacy(bytes, origin);
    }
    if (starts_with(bytes, kZipMagic)) {
      return parse_zip(bytes, origin);
    }
    throw DataError(
        str_cat("'", origin, "': neither a zip nor a legacy .pth file"));
  });
}

std::string pth_network(std::span<const std::byte> bytes,
                        const std::string& origin) {
  if (!starts_with(bytes, kZipMagic)) {
    return "";
  }
  return with_damage_named(origin, [&]() -> std::string {
    caffe2::serialize::PyTorchStreamReader archive(
        std::make_shared<SpanReader>(bytes));
    if (!archive.hasRecord(kNetworkRecord)) {
      return "";
    }
    const auto [data, size] = archive.getRecord(kNetworkRecord);
    return {static_cast<const char*>(data.get()), size};
  });
}

}  // namespace voxlift::trainer
