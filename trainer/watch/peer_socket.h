#pragma once
// TCP between ranks, for messages of one size. IPv4; nothing here waits, except
// connect_to.

#include <optional>
#include <string>
#include <vector>

#include "trainer/watch/beat.h"

namespace voxlift::trainer {

// Owns a socket. Move-only.
class Socket {
 public:
  Socket() = default;

  explicit Socket(int fd) : fd_(fd) {}

  ~Socket();
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  Socket(Socket&& other) noexcept;
  Socket& operator=(Socket&& other) noexcept;

  int get() const { return fd_; }

  bool is_open() const { return fd_ >= 0; }

  void close();

 private:
  int fd_ = -1;
};

// Listens on every address of this host.
class Listener {
 public:
  // `port` 0 takes a free one. Throws IoError.
  explicit Listener(int port);

  int port() const { return port_; }

  // A new connection, or a closed socket if there is none.
  Socket accept() const;

 private:
  Socket socket_;
  int port_ = 0;
};

// IPv4 addresses of this host's interfaces that are up, loopback left out; of
// `interface` only, if one is given. Throws ConfigError naming `interface` and
// those that there are, if it has no address.
std::vector<std::string> own_addresses(const std::string& interface);

// Connects within `timeout_s`; a closed socket if that fails.
Socket connect_to(const std::string& address, int port, double timeout_s);

// One connection with what is still to be sent and what has come so far.
class Peer {
 public:
  explicit Peer(Socket socket);

  bool is_open() const { return socket_.is_open(); }

  int fd() const { return socket_.get(); }

  // Queues one message and sends what goes. Left out while older ones wait
  // that the other side does not take: heartbeats are worth nothing when old.
  void send(const BeatBytes& bytes);
  void flush();

  // The next whole message, or nothing. Closes itself at the other side's end.
  std::optional<BeatBytes> receive();

  // Bytes have been on their way for `limit_s` without an acknowledgement of
  // the other host (Linux's TCP_INFO).
  bool is_unanswered(double limit_s) const;

  void close() { socket_.close(); }

 private:
  Socket socket_;
  std::vector<std::byte> to_send_;
  BeatBytes coming_{};
  size_t num_coming_ = 0;
};

}  // namespace voxlift::trainer
