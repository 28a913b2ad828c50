#include "apps/label/label_server.h"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/random.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>

#include "apps/base/json.h"
#include "apps/base/signals.h"
#include "kernels/core/error.h"

namespace crc::apps {
namespace {

using json = nlohmann::ordered_json;
using httplib::Request, httplib::Response;

constexpr const char* kHost = "127.0.0.1";
constexpr int kForbidden = 403;

// In a time that does not tell how much of it is right.
bool same_token(const std::string& a, const std::string& b) {
  unsigned char differs = a.size() != b.size();
  for (size_t k = 0; k < a.size() && k < b.size(); ++k) differs |= static_cast<unsigned char>(a[k] ^ b[k]);
  return differs == 0;
}

void say(Response& response, int status, const std::string& words) {
  response.status = status;
  response.set_content(words, "text/plain; charset=utf-8");
}

std::string answers_json(const std::map<int64_t, Answer>& answers) {
  json all = json::object();
  for (const auto& [item, answer] : answers)
    all[std::to_string(item)] =
        answer.class_index >= 0 ? json{{"class", answer.class_index}} : json{{"remark", answer.skip}};
  return json_text(json{{"answers", all}});
}

// Nothing: it is no answer.
std::optional<Answer> answer_of(const std::string& body) try {
  const json said = read_json(body).value_or(json());
  if (!said.at("item").is_number_integer()) return std::nullopt;
  Answer answer{.item = said.at("item").get<int64_t>()};
  const json& what = said.at("answer");
  if (what.is_null()) return answer;
  if (what.contains("class")) {
    if (!what.at("class").is_number_integer()) return std::nullopt;
    answer.class_index = what.at("class").get<int64_t>();
    return answer.class_index < 0 ? std::nullopt : std::optional(answer);
  }
  answer.skip = what.at("remark").get<std::string>();
  return answer.skip.empty() ? std::nullopt : std::optional(answer);
} catch (const json::exception&) {
  return std::nullopt;
}

// What a handler throws, in words: nothing was recorded then.
template <class Handle> void guarded(Response& response, const Handle& handle) try {
  handle();
} catch (const Error& error) {
  say(response, error.code() == ExitCode::corrupt_data ? 400 : 500, error.what());
} catch (const std::exception& error) {
  say(response, 500, error.what());
}

}  // namespace

struct LabelServer::Http {
  httplib::Server server;
  std::mutex one_at_a_time;
  std::atomic<bool> finished = false;
};

std::string LabelServer::new_token() {
  unsigned char bytes[16];
  if (getrandom(bytes, sizeof bytes, 0) != ssize_t(sizeof bytes)) fail_internal("no random bytes for a token");
  std::string token;
  for (const unsigned char byte : bytes) token += fmt::format("{:02x}", byte);
  return token;
}

LabelServer::LabelServer(int port, std::string token)
    : http_(std::make_unique<Http>()), token_(std::move(token)), port_(port) {
  httplib::Server& server = http_->server;
  server.set_socket_options([](socket_t socket) {  // the library's own would let another process share the port
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  });
  if (port == 0) port_ = server.bind_to_any_port(kHost);
  if (port_ < 0 || (port != 0 && !server.bind_to_port(kHost, port)))
    fail(ExitCode::output_refused,
         fmt::format("port {} of {} cannot be taken: another program has it, or it needs rights that this one does not "
                     "have; name another one with --port, or none for any that is free",
                     port, kHost));
  server.set_keep_alive_timeout(1);
  server.set_payload_max_length(4096);
}

LabelServer::~LabelServer() = default;

std::string LabelServer::url() const { return fmt::format("http://{}:{}/?token={}", kHost, port_, token_); }

bool LabelServer::serve(const LabelDesk& desk) {
  httplib::Server& server = http_->server;
  const auto ours = [port = port_](const std::string& host) {
    return host == fmt::format("{}:{}", kHost, port) || host == fmt::format("localhost:{}", port);
  };
  server.set_default_headers({{"Cache-Control", "no-store"},
                              {"Referrer-Policy", "no-referrer"},
                              {"X-Content-Type-Options", "nosniff"},
                              {"X-Frame-Options", "DENY"},
                              {"Content-Security-Policy",
                               "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src "
                               "'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'"}});
  server.set_pre_routing_handler([&](const Request& request, Response& response) {
    const std::string origin = request.get_header_value("Origin");
    const bool known_origin = origin.empty() || (origin.starts_with("http://") && ours(origin.substr(7)));
    if (ours(request.get_header_value("Host")) && known_origin && same_token(request.get_param_value("token"), token_))
      return httplib::Server::HandlerResponse::Unhandled;
    say(response, kForbidden, "The address must be the whole one that crc_train label printed, with its token.\n");
    return httplib::Server::HandlerResponse::Handled;
  });
  const auto route = [&](const auto& handle) {
    return [&, handle](const Request& request, Response& response) {
      const std::scoped_lock lock(http_->one_at_a_time);
      guarded(response, [&] { handle(request, response); });
    };
  };
  server.Get("/", route([&](const Request&, Response& response) {
               response.set_content(desk.page(), "text/html; charset=utf-8");
             }));
  server.Get("/answers", route([&](const Request&, Response& response) {
               response.set_content(answers_json(desk.answers()), "application/json");
             }));
  server.Post("/answer", route([&](const Request& request, Response& response) {
                const std::optional<Answer> answer = answer_of(request.body);
                if (!answer) return say(response, 400, "this is no answer");
                desk.record(*answer);
                response.set_content(answers_json(desk.answers()), "application/json");
              }));
  server.Post("/finish", route([&](const Request&, Response& response) {
                response.set_content(desk.finish(), "text/plain; charset=utf-8");
                http_->finished = true;
              }));
  const FinishFirst finish_first;  // an answer that came is recorded, whoever asks to stop
  std::atomic<bool> ended = false;
  std::thread listening([&] {
    server.listen_after_bind();
    ended = true;
  });
  const auto wait = [] { std::this_thread::sleep_for(std::chrono::milliseconds(50)); };
  while (!server.is_running() && !ended) wait();  // before that it cannot be stopped
  while (!http_->finished && !stop_requested() && !ended) wait();
  if (http_->finished) std::this_thread::sleep_for(std::chrono::milliseconds(200));  // the page gets its words
  server.stop();
  listening.join();
  return http_->finished;
}

}  // namespace crc::apps
