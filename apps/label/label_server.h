// The labelling page over HTTP, for one person on this machine: bound to 127.0.0.1, and open to nobody who does not
// know its token, which is made anew at every start and stored nowhere. Three things are served, and no file:
//
//   GET  /?token=T            the page (apps/draw/label_page.h), with the answers that stand
//   GET  /answers?token=T     {"answers": {"26": {"class": 3}, "29": {"remark": "unsure"}}}
//   POST /answer?token=T      {"item": 26, "answer": {"class": 3} | {"remark": "unsure"} | null}; the same in return
//   POST /finish?token=T      what to do next, in words
//
// 403: no token or another one; a Host that is not this server's, which is how a page of another site reaches it (DNS
// rebinding); an Origin of another site. 400: an answer that is none. 500: it could not be recorded.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "apps/rundir/ledger.h"

namespace crc::apps {

// What the server asks; called on its threads, one at a time.
struct LabelDesk {
  std::function<std::string()> page;
  std::function<std::map<int64_t, Answer>()> answers;  // that stand
  std::function<void(const Answer&)> record;           // durably. Error corrupt_data: no such item or class
  std::function<std::string()> finish;                 // words for the page
};

class LabelServer {
 public:
  // Takes the port; 0: any free one. Error output_refused: it is taken.
  LabelServer(int port, std::string token);
  ~LabelServer();

  static std::string new_token();  // of 128 random bits

  int port() const { return port_; }
  std::string url() const;  // with the token
  std::string path(const std::string& name) const { return "/" + name + "?token=" + token_; }

  // Once: until the page says that it is finished (true), or somebody asks the program to stop (false).
  bool serve(const LabelDesk& desk);

 private:
  struct Http;
  std::unique_ptr<Http> http_;
  std::string token_;
  int port_;
};

}  // namespace crc::apps
