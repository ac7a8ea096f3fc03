#pragma once
// Configuration: default < file < command line, bound to plain structs.

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "dataio/volume.h"

namespace voxlift::launcher {

// Binds the fields of components' structs to option names and fills them from
// an INI file and the command line.
//
//   OptionBinder binder("voxlift train");
//   binder.add("data.train", config.data.train, "folder of packed shards");
//   binder.parse(args);
//
// The field's value at add() is the default. Names are "section.key" or "key".
// The command line is `--name value` or `--name=value`; a file has
// "[section]" and "key = value" lines, "#" starts a comment. Only names that
// were added are known, and the environment is never read.
//
// Owns nothing: every field must outlive the binder. One thread.
class OptionBinder {
 public:
  // `program` is shown in errors and help ("voxlift train"). With
  // `config_option`, `--config FILE` names the file.
  explicit OptionBinder(std::string program, bool config_option = true);

  void add(const std::string& name, std::string& field,
           const std::string& help);
  void add(const std::string& name, int& field, const std::string& help);
  void add(const std::string& name, int64_t& field, const std::string& help);
  void add(const std::string& name, uint64_t& field, const std::string& help);
  void add(const std::string& name, double& field, const std::string& help);
  // true/false, 1/0, on/off; `--name` alone on the command line is true.
  void add(const std::string& name, bool& field, const std::string& help);
  // Three numbers, "48,48,48".
  void add(const std::string& name, dataio::Shape3& field,
           const std::string& help);
  // Comma-separated; "" is the empty list.
  void add(const std::string& name, std::vector<std::string>& field,
           const std::string& help);
  void add(const std::string& name, std::vector<int64_t>& field,
           const std::string& help);

  // The option `name` may also be given without its name, as the one argument
  // that is no option ("voxlift verify PATH").
  void set_positional(const std::string& name);

  // The option must be given, in the file or on the command line.
  void require(const std::string& name);

  // Fills the fields. Throws ConfigError: an unknown name (with the nearest
  // known one), a value of another type (name, value, what is expected, and
  // the file where it stands), a name given twice, a required one missing.
  // Throws IoError if the file cannot be read. Fields are then in an
  // unspecified mix of old and new.
  void parse(std::span<const std::string> args);

  // Was it set by the file or the command line?
  bool is_given(const std::string& name) const;

  // Every option and its value now, sorted by name.
  std::vector<std::pair<std::string, std::string>> resolved() const;

  // resolved() as "name = value" lines: what the digest is over, except names
  // given to exclude_from_digest().
  std::string resolved_text() const;

  // The option does not change results (output folder, number of workers).
  void exclude_from_digest(const std::string& name);

  // FNV-1a over the text without the excluded ones, 16 hex digits.
  std::string digest() const;

  // One line an option: name, default, help.
  void print_help(std::ostream& out) const;

 private:
  struct Option {
    std::string help;
    std::string default_text;
    std::string expected;  // "a whole number", for errors.
    std::function<bool(const std::string&)> set;  // False: not of the type.
    std::function<std::string()> get;
    bool is_switch = false;
    bool required = false;
    bool given = false;
    bool in_digest = true;
  };

  template <typename Field>
  void add_field(const std::string& name, Field& field, const std::string& help,
                 const std::string& expected);

  using Assignments = std::vector<std::pair<std::string, std::string>>;

  void assign_one(const std::string& name, const std::string& value,
                  const std::string& origin);
  // Gives `--name=` its empty value and a switch alone its "true".
  std::vector<std::string> complete_args(
      std::span<const std::string> args) const;
  Assignments parse_args(std::span<const std::string> args) const;
  Assignments parse_file(const std::string& path) const;
  void assign(const Assignments& values, const std::string& origin);
  void check_required() const;
  std::string text_of(bool digest_only) const;
  [[noreturn]] void throw_unknown(const std::string& name,
                                  const std::string& origin) const;

  std::string program_;
  bool config_option_;
  std::string positional_;
  std::map<std::string, Option> options_;
};

}  // namespace voxlift::launcher
