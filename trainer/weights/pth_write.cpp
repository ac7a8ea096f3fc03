#include "trainer/weights/pth_write.h"

#include <caffe2/serialize/inline_container.h>

#include <cstdint>
#include <limits>

#include "base/error.h"
#include "base/strings.h"
#include "trainer/weights/pth.h"

namespace voxlift::trainer {
namespace {

// Appends the pickle's instructions, by their names in Python's pickletools.
class PickleWriter {
 public:
  PickleWriter() { text_ += "\x80\x02"; }  // PROTO 2

  void mark() { text_ += '('; }

  void tuple_from_mark() { text_ += 't'; }

  void call() { text_ += 'R'; }

  void persistent_id() { text_ += 'Q'; }

  void set_items_from_mark() { text_ += 'u'; }

  void put_false() { text_ += '\x89'; }

  void global(const char* module, const char* name) {
    text_ += str_cat('c', module, '\n', name, '\n');
  }

  void text(const std::string& value) {
    text_ += 'X';
    little_endian(value.size(), sizeof(uint32_t));
    text_ += value;
  }

  // BININT1, BININT or LONG1, as large as need be.
  void integer(int64_t value) {
    if (value >= 0 && value <= std::numeric_limits<uint8_t>::max()) {
      text_ += 'K';
      little_endian(static_cast<uint64_t>(value), 1);
    } else if (value >= 0 && value <= std::numeric_limits<int32_t>::max()) {
      text_ += 'J';
      little_endian(static_cast<uint64_t>(value), sizeof(int32_t));
    } else {
      text_ += '\x8a';
      little_endian(sizeof(value), 1);
      little_endian(static_cast<uint64_t>(value), sizeof(value));
    }
  }

  void integers(c10::IntArrayRef values) {
    mark();
    for (const int64_t value : values) {
      integer(value);
    }
    tuple_from_mark();
  }

  void empty_ordered_dict() {
    global("collections", "OrderedDict");
    text_ += ')';  // EMPTY_TUPLE
    call();
  }

  std::string finish() { return std::move(text_) + '.'; }

 private:
  void little_endian(uint64_t value, size_t num_bytes) {
    for (size_t i = 0; i < num_bytes; ++i) {
      text_ += static_cast<char>((value >> (8 * i)) & 0xFFU);
    }
  }

  std::string text_;
};

// _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks).
void put_tensor(const torch::Tensor& tensor, const std::string& key,
                PickleWriter& pickle) {
  pickle.global("torch._utils", "_rebuild_tensor_v2");
  pickle.mark();
  pickle.mark();
  pickle.text("storage");
  pickle.global("torch", storage_class(tensor.scalar_type()));
  pickle.text(key);
  pickle.text("cpu");
  pickle.integer(tensor.numel());
  pickle.tuple_from_mark();
  pickle.persistent_id();
  pickle.integer(0);
  pickle.integers(tensor.sizes());
  pickle.integers(tensor.strides());
  pickle.put_false();
  pickle.empty_ordered_dict();
  pickle.tuple_from_mark();
  pickle.call();
}

}  // namespace

std::string state_dict_pickle(const TensorMap& tensors) {
  PickleWriter pickle;
  pickle.empty_ordered_dict();
  pickle.mark();
  for (size_t i = 0; i < tensors.size(); ++i) {
    pickle.text(tensors[i].first);
    put_tensor(tensors[i].second, std::to_string(i), pickle);
  }
  pickle.set_items_from_mark();
  return pickle.finish();
}

std::string pth_file(const TensorMap& tensors, const std::string& network) {
  std::string file;
  caffe2::serialize::PyTorchStreamWriter archive(
      [&file](const void* bytes, size_t count) {
        file.append(static_cast<const char*>(bytes), count);
        return count;
      });
  const auto put_text = [&archive](const char* name, const std::string& text) {
    archive.writeRecord(name, text.data(), text.size());
  };
  put_text("data.pkl", state_dict_pickle(tensors));
  put_text("byteorder", "little");
  if (!network.empty()) {
    put_text(kNetworkRecord, network);
  }
  for (size_t i = 0; i < tensors.size(); ++i) {
    const torch::Tensor& tensor = tensors[i].second;
    archive.writeRecord(str_cat("data/", i), tensor.data_ptr(),
                        tensor.nbytes());
  }
  archive.writeEndOfFile();
  return file;
}

}  // namespace voxlift::trainer
