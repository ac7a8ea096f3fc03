#include "launcher/config_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fstream>
#include <ostream>
#include <set>
#include <sstream>
#include <type_traits>
#include <utility>

#include <boost/program_options.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/strings.h"

namespace voxlift::launcher {
namespace po = boost::program_options;

namespace {

// read_value() and write_value() are one pair per type of field: text to value
// (false where the text is not of the type) and back.

bool read_value(const std::string& text, std::string& field) {
  field = text;
  return true;
}

template <typename Number>
bool read_number(const std::string& text, Number& field) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, value);
  if (text.empty() || result.ec != std::errc() || result.ptr != end) {
    return false;
  }
  field = value;
  return true;
}

bool read_value(const std::string& text, int& field) {
  return read_number(text, field);
}

bool read_value(const std::string& text, int64_t& field) {
  return read_number(text, field);
}

bool read_value(const std::string& text, uint64_t& field) {
  return read_number(text, field);
}

bool read_value(const std::string& text, double& field) {
  double value = 0.0;
  if (!read_number(text, value) || !std::isfinite(value)) {
    return false;
  }
  field = value;
  return true;
}

bool read_value(const std::string& text, bool& field) {
  const std::string word = to_lower(text);
  if (word == "true" || word == "1" || word == "on") {
    field = true;
    return true;
  }
  if (word == "false" || word == "0" || word == "off") {
    field = false;
    return true;
  }
  return false;
}

bool read_value(const std::string& text, dataio::Shape3& field) {
  const std::vector<std::string> parts = str_split(text, ',');
  dataio::Shape3 value{};
  if (parts.size() != value.size()) {
    return false;
  }
  for (size_t i = 0; i < value.size(); ++i) {
    if (!read_number(str_trim(parts[i]), value[i])) {
      return false;
    }
  }
  field = value;
  return true;
}

bool read_value(const std::string& text, std::vector<std::string>& field) {
  field.clear();
  if (text.empty()) {
    return true;
  }
  for (const std::string& part : str_split(text, ',')) {
    field.push_back(str_trim(part));
  }
  return true;
}

bool read_value(const std::string& text, std::vector<int64_t>& field) {
  std::vector<std::string> parts;
  read_value(text, parts);
  std::vector<int64_t> value(parts.size());
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!read_number(parts[i], value[i])) {
      return false;
    }
  }
  field = value;
  return true;
}

template <typename Integer>
std::string write_value(const Integer& field) {
  return std::to_string(field);
}

std::string write_value(const std::string& field) {
  return field;
}

// The shortest text that reads back as the same bits.
std::string write_value(const double& field) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), field);
  return {text.data(), end.ptr};
}

std::string write_value(const bool& field) {
  return field ? "true" : "false";
}

std::string write_value(const dataio::Shape3& field) {
  return str_cat(field[0], ",", field[1], ",", field[2]);
}

std::string write_value(const std::vector<std::string>& field) {
  return str_join(field, ",");
}

std::string write_value(const std::vector<int64_t>& field) {
  std::vector<std::string> parts;
  parts.reserve(field.size());
  for (const int64_t number : field) {
    parts.push_back(std::to_string(number));
  }
  return str_join(parts, ",");
}

}  // namespace

OptionBinder::OptionBinder(std::string program, bool config_option)
    : program_(std::move(program)), config_option_(config_option) {}

template <typename Field>
void OptionBinder::add_field(const std::string& name, Field& field,
                             const std::string& help,
                             const std::string& expected) {
  Option option;
  option.help = help;
  option.default_text = write_value(field);
  option.expected = expected;
  option.is_switch = std::is_same_v<Field, bool>;
  option.set = [&field](const std::string& text) {
    return read_value(text, field);
  };
  option.get = [&field] { return write_value(field); };
  const bool is_new = options_.emplace(name, std::move(option)).second;
  VOXLIFT_CHECK(is_new && !(config_option_ && name == "config"),
                "option name taken: " + name);
}

void OptionBinder::add(const std::string& name, std::string& field,
                       const std::string& help) {
  add_field(name, field, help, "a text");
}

void OptionBinder::add(const std::string& name, int& field,
                       const std::string& help) {
  add_field(name, field, help, "a whole number (32 bits)");
}

void OptionBinder::add(const std::string& name, int64_t& field,
                       const std::string& help) {
  add_field(name, field, help, "a whole number");
}

void OptionBinder::add(const std::string& name, uint64_t& field,
                       const std::string& help) {
  add_field(name, field, help, "a whole number, 0 or more");
}

void OptionBinder::add(const std::string& name, double& field,
                       const std::string& help) {
  add_field(name, field, help, "a finite number");
}

void OptionBinder::add(const std::string& name, bool& field,
                       const std::string& help) {
  add_field(name, field, help, "true, false, 1, 0, on or off");
}

void OptionBinder::add(const std::string& name, dataio::Shape3& field,
                       const std::string& help) {
  add_field(name, field, help, "three whole numbers like 48,48,48");
}

void OptionBinder::add(const std::string& name, std::vector<std::string>& field,
                       const std::string& help) {
  add_field(name, field, help, "texts separated by commas");
}

void OptionBinder::add(const std::string& name, std::vector<int64_t>& field,
                       const std::string& help) {
  add_field(name, field, help, "whole numbers with commas, such as 30,60,90");
}

void OptionBinder::set_positional(const std::string& name) {
  VOXLIFT_CHECK(options_.contains(name), "no such option: " + name);
  positional_ = name;
}

void OptionBinder::require(const std::string& name) {
  options_.at(name).required = true;
}

void OptionBinder::exclude_from_digest(const std::string& name) {
  options_.at(name).in_digest = false;
}

bool OptionBinder::is_given(const std::string& name) const {
  return options_.at(name).given;
}

void OptionBinder::parse(std::span<const std::string> args) {
  Assignments values = parse_args(args);
  const auto config =
      std::find_if(values.begin(), values.end(),
                   [](const auto& value) { return value.first == "config"; });
  if (config_option_ && config != values.end()) {
    const std::string path = config->second;
    values.erase(config);
    assign(parse_file(path), str_cat("in '", path, "'"));
  }
  assign(values, "on the command line");
  check_required();
}

std::vector<std::string> OptionBinder::complete_args(
    std::span<const std::string> args) const {
  std::vector<std::string> complete;
  for (size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    const bool is_option = arg.starts_with("--");
    const bool is_last = i + 1 == args.size() || args[i + 1].starts_with("--");
    const auto found = options_.find(is_option ? arg.substr(2) : "");
    if (is_option && arg.find('=') == arg.size() - 1) {
      complete.push_back(arg.substr(0, arg.size() - 1));
      complete.emplace_back();
    } else if (found != options_.end() && found->second.is_switch && is_last) {
      complete.push_back(arg + "=true");
    } else {
      complete.push_back(arg);
    }
  }
  return complete;
}

OptionBinder::Assignments OptionBinder::parse_args(
    std::span<const std::string> args) const {
  po::options_description known;
  for (const auto& [name, option] : options_) {
    known.add_options()(name.c_str(), po::value<std::string>());
  }
  if (config_option_) {
    known.add_options()("config", po::value<std::string>());
  }
  const int style = po::command_line_style::allow_long |
                    po::command_line_style::long_allow_adjacent |
                    po::command_line_style::long_allow_next;
  Assignments values;
  try {
    const auto parsed = po::command_line_parser(complete_args(args))
                            .options(known)
                            .style(style)
                            .allow_unregistered()
                            .run();
    for (const po::option& option : parsed.options) {
      if (option.position_key >= 0 && positional_.empty()) {
        throw ConfigError(
            str_cat("unexpected argument '", option.value.front(), "'"));
      }
      if (option.unregistered) {
        throw_unknown(option.string_key, "on the command line");
      }
      values.emplace_back(
          option.position_key >= 0 ? positional_ : option.string_key,
          option.value.empty() ? "" : option.value.front());
    }
  } catch (const po::error& error) {
    throw ConfigError(str_cat("on the command line: ", error.what()));
  }
  return values;
}

OptionBinder::Assignments OptionBinder::parse_file(
    const std::string& path) const {
  const std::vector<std::byte> bytes = RealFiles().read(path, 1 << 20);
  std::istringstream text{std::string(as_text(bytes))};
  Assignments values;
  try {
    const auto parsed =
        po::parse_config_file(text, po::options_description(), true);
    for (const po::option& option : parsed.options) {
      values.emplace_back(option.string_key,
                          option.value.empty() ? "" : option.value.front());
    }
  } catch (const po::error& error) {
    throw ConfigError(str_cat("'", path, "': ", error.what()));
  }
  return values;
}

void OptionBinder::assign(const Assignments& values,
                          const std::string& origin) {
  std::set<std::string> seen;
  for (const auto& [name, value] : values) {
    if (!seen.insert(name).second) {
      throw ConfigError(str_cat("option '", name, "' is given twice ", origin));
    }
    assign_one(name, value, origin);
  }
}

void OptionBinder::assign_one(const std::string& name, const std::string& value,
                              const std::string& origin) {
  const auto found = options_.find(name);
  if (found == options_.end()) {
    throw_unknown(name, origin);
  }
  Option& option = found->second;
  if (!option.set(value)) {
    throw ConfigError(str_cat("option '", name, "' ", origin, " is '", value,
                              "', expected ", option.expected));
  }
  option.given = true;
}

void OptionBinder::throw_unknown(const std::string& name,
                                 const std::string& origin) const {
  std::vector<std::string> known;
  known.reserve(options_.size());
  for (const auto& [known_name, option] : options_) {
    known.push_back(known_name);
  }
  throw ConfigError(str_cat("unknown option '", name, "' ", origin,
                            "; the nearest known one is '",
                            nearest_word(name, known), "'"));
}

void OptionBinder::check_required() const {
  for (const auto& [name, option] : options_) {
    if (option.required && !option.given) {
      throw ConfigError(str_cat("option '", name, "' is needed: ", option.help,
                                " (see ", program_, " --help)"));
    }
  }
}

std::vector<std::pair<std::string, std::string>> OptionBinder::resolved()
    const {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const auto& [name, option] : options_) {
    pairs.emplace_back(name, option.get());
  }
  return pairs;
}

std::string OptionBinder::text_of(bool digest_only) const {
  std::string text;
  for (const auto& [name, option] : options_) {
    if (option.in_digest || !digest_only) {
      text += str_cat(name, " = ", option.get(), "\n");
    }
  }
  return text;
}

std::string OptionBinder::resolved_text() const {
  return text_of(false);
}

std::string OptionBinder::digest() const {
  uint64_t hash = 0xCBF29CE484222325ULL;  // FNV-1a, 64 bits.
  for (const char c : text_of(true)) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  return hex(hash, 16);
}

void OptionBinder::print_help(std::ostream& out) const {
  constexpr size_t kColumn = 26;
  if (config_option_) {
    out << "  --config FILE           INI file of the options below\n";
  }
  for (const auto& [name, option] : options_) {
    std::string line = str_cat("  --", name, " ");
    line.resize(std::max(line.size() + 1, kColumn), ' ');
    out << line << option.help;
    if (option.required) {
      out << " (required)";
    } else {
      out << " [" << option.default_text << "]";
    }
    out << "\n";
  }
}

}  // namespace voxlift::launcher
