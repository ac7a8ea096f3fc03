#include "trainer/watch/peer_socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <memory>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/strings.h"

namespace voxlift::trainer {
namespace {

Socket open_socket() {
  return Socket(
      ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

sockaddr_in ipv4(in_addr address, int port) {
  sockaddr_in full{};
  full.sin_family = AF_INET;
  full.sin_addr = address;
  full.sin_port = htons(static_cast<uint16_t>(port));
  return full;
}

// The C interface wants the general type.
const sockaddr* general(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

void set_flag(const Socket& socket, int level, int name) {
  const int on = 1;
  ::setsockopt(socket.get(), level, name, &on, sizeof(on));
}

}  // namespace

// ---- Socket ----

Socket::~Socket() {
  close();
}

Socket::Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Socket& Socket::operator=(Socket&& other) noexcept {
  if (this != &other) {
    close();
    fd_ = std::exchange(other.fd_, -1);
  }
  return *this;
}

void Socket::close() {
  if (fd_ >= 0) {
    ::close(std::exchange(fd_, -1));
  }
}

// ---- Listener ----

Listener::Listener(int port) : socket_(open_socket()) {
  const std::string what = str_cat("TCP port ", port);
  if (!socket_.is_open()) {
    throw_io_error("socket", what, errno);
  }
  // A restart must not wait for connections of the run before to be forgotten.
  set_flag(socket_, SOL_SOCKET, SO_REUSEADDR);
  in_addr any{};
  any.s_addr = htonl(INADDR_ANY);
  sockaddr_in address = ipv4(any, port);
  socklen_t size = sizeof(address);
  if (::bind(socket_.get(), general(address), size) != 0 ||
      ::listen(socket_.get(), SOMAXCONN) != 0 ||
      ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address),
                    &size) != 0) {
    throw_io_error("listen on", what, errno);
  }
  port_ = ntohs(address.sin_port);
}

Socket Listener::accept() const {
  Socket socket(
      ::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (socket.is_open()) {
    set_flag(socket, IPPROTO_TCP, TCP_NODELAY);
  }
  return socket;
}

// ---- addresses ----

std::vector<std::string> own_addresses(const std::string& interface) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) {
    throw_io_error("getifaddrs", interface, errno);
  }
  const std::unique_ptr<ifaddrs, void (*)(ifaddrs*)> owner(first,
                                                           ::freeifaddrs);
  std::vector<std::string> addresses;
  std::set<std::string> names;
  for (const ifaddrs* it = first; it != nullptr; it = it->ifa_next) {
    const bool is_ipv4 =
        it->ifa_addr != nullptr && it->ifa_addr->sa_family == AF_INET;
    if (!is_ipv4 || (it->ifa_flags & IFF_UP) == 0) {
      continue;
    }
    names.insert(it->ifa_name);
    const bool wanted = interface.empty() ? (it->ifa_flags & IFF_LOOPBACK) == 0
                                          : interface == it->ifa_name;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(it->ifa_addr);
    if (wanted && ::inet_ntop(AF_INET, &address->sin_addr, text.data(),
                              text.size()) != nullptr) {
      addresses.emplace_back(text.data());
    }
  }
  if (!interface.empty() && addresses.empty()) {
    throw ConfigError(str_cat(
        "comm.interface = '", interface, "': has no IPv4 address here; ",
        "those that have: ",
        str_join(std::vector<std::string>(names.begin(), names.end()), ", ")));
  }
  return addresses;
}

Socket connect_to(const std::string& address, int port, double timeout_s) {
  in_addr parsed{};
  Socket socket = open_socket();
  if (!socket.is_open() ||
      ::inet_pton(AF_INET, address.c_str(), &parsed) != 1) {
    return {};
  }
  const sockaddr_in full = ipv4(parsed, port);
  if (::connect(socket.get(), general(full), sizeof(full)) != 0) {
    if (errno != EINPROGRESS) {
      return {};
    }
    pollfd poll = {.fd = socket.get(), .events = POLLOUT, .revents = 0};
    int error = 0;
    socklen_t size = sizeof(error);
    if (::poll(&poll, 1, static_cast<int>(timeout_s * 1e3)) != 1 ||
        ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0 ||
        error != 0) {
      return {};
    }
  }
  set_flag(socket, IPPROTO_TCP, TCP_NODELAY);
  return socket;
}

// ---- Peer ----

Peer::Peer(Socket socket) : socket_(std::move(socket)) {}

void Peer::send(const BeatBytes& bytes) {
  flush();
  constexpr size_t kMostWaiting = 4 * kBeatBytes;
  if (to_send_.size() < kMostWaiting) {
    to_send_.insert(to_send_.end(), bytes.begin(), bytes.end());
    flush();
  }
}

void Peer::flush() {
  if (!is_open() || to_send_.empty()) {
    return;
  }
  const ssize_t sent =
      ::send(socket_.get(), to_send_.data(), to_send_.size(), MSG_NOSIGNAL);
  if (sent > 0) {
    to_send_.erase(to_send_.begin(), to_send_.begin() + sent);
  }
}

std::optional<BeatBytes> Peer::receive() {
  if (!is_open()) {
    return std::nullopt;
  }
  const ssize_t got = ::recv(socket_.get(), coming_.data() + num_coming_,
                             kBeatBytes - num_coming_, 0);
  if (got == 0 ||
      (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) {
    close();
    return std::nullopt;
  }
  num_coming_ += got > 0 ? static_cast<size_t>(got) : 0;
  if (num_coming_ < kBeatBytes) {
    return std::nullopt;
  }
  num_coming_ = 0;
  return coming_;
}

bool Peer::is_unanswered(double limit_s) const {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (!is_open() ||
      ::getsockopt(socket_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
    return false;
  }
  return info.tcpi_unacked > 0 &&
         static_cast<double>(info.tcpi_last_ack_recv) > limit_s * 1e3;
}

}  // namespace voxlift::trainer
