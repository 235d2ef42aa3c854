// A stock socket.io-client-cpp client that does as it is told on standard input and tells what it sees, in JSON lines.
//
// Binary is told as {"$base64": "…"}, in both directions. The orders are in ../driver.ts.
#include <sio_client.h>

#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>

using namespace sio;
using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

static const char DIGITS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static std::string to_base64(const std::string& bytes) {
    std::string text;
    for (size_t i = 0; i < bytes.size(); i += 3) {
        unsigned group = 0;
        size_t left = std::min<size_t>(3, bytes.size() - i);
        for (size_t j = 0; j < 3; ++j) group = group << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0);
        for (size_t j = 0; j < 4; ++j) text += j <= left ? DIGITS[group >> (18 - 6 * j) & 63] : '=';
    }
    return text;
}

static std::string from_base64(const std::string& text) {
    std::string bytes;
    unsigned group = 0, bits = 0;
    for (char digit : text) {
        const char* found = std::char_traits<char>::find(DIGITS, 64, digit);
        if (!found) break;
        group = group << 6 | static_cast<unsigned>(found - DIGITS);
        bits += 6;
        if (bits >= 8) bytes += static_cast<char>(group >> (bits -= 8) & 255);
    }
    return bytes;
}

static void write(Writer& writer, const message::ptr& value) {
    if (!value) return void(writer.Null());
    switch (value->get_flag()) {
        case message::flag_integer: writer.Int64(value->get_int()); break;
        case message::flag_double: writer.Double(value->get_double()); break;
        case message::flag_string: writer.String(value->get_string().c_str(), value->get_string().size()); break;
        case message::flag_boolean: writer.Bool(value->get_bool()); break;
        case message::flag_null: writer.Null(); break;
        case message::flag_binary:
            writer.StartObject();
            writer.Key("$base64");
            writer.String(to_base64(*value->get_binary()).c_str());
            writer.EndObject();
            break;
        case message::flag_array:
            writer.StartArray();
            for (const auto& item : value->get_vector()) write(writer, item);
            writer.EndArray();
            break;
        case message::flag_object:
            writer.StartObject();
            for (const auto& item : value->get_map()) {
                writer.Key(item.first.c_str());
                write(writer, item.second);
            }
            writer.EndObject();
            break;
    }
}

static void tell(const std::string& event, const message::list& args = nullptr) {
    static std::mutex one_at_a_time;
    std::lock_guard<std::mutex> held(one_at_a_time);
    rapidjson::StringBuffer line;
    Writer writer(line);
    writer.StartObject();
    writer.Key("event");
    writer.String(event.c_str());
    writer.Key("args");
    writer.StartArray();
    for (size_t i = 0; i < args.size(); ++i) write(writer, args[i]);
    writer.EndArray();
    writer.EndObject();
    std::cout << line.GetString() << std::endl;
}

static message::ptr read(const rapidjson::Value& value) {
    if (value.IsInt64()) return int_message::create(value.GetInt64());
    if (value.IsNumber()) return double_message::create(value.GetDouble());
    if (value.IsString()) return string_message::create(std::string(value.GetString(), value.GetStringLength()));
    if (value.IsBool()) return bool_message::create(value.GetBool());
    if (value.IsArray()) {
        auto list = array_message::create();
        for (const auto& item : value.GetArray()) list->get_vector().push_back(read(item));
        return list;
    }
    if (!value.IsObject()) return null_message::create();
    if (value.HasMember("$base64"))
        return binary_message::create(std::make_shared<const std::string>(from_base64(value["$base64"].GetString())));
    auto object = object_message::create();
    for (const auto& item : value.GetObject()) object->get_map()[item.name.GetString()] = read(item.value);
    return object;
}

static std::map<std::string, std::string> texts(const rapidjson::Value& how, const char* name) {
    std::map<std::string, std::string> texts;
    if (how.HasMember(name))
        for (const auto& item : how[name].GetObject()) texts[item.name.GetString()] = item.value.GetString();
    return texts;
}

static void listen(client& client) {
    client.socket()->on_error([](const message::ptr& error) { tell("connect_error", error); });
    client.socket()->on_any([](event& event) {
        tell(event.get_name(), event.get_messages());
        if (event.get_name() == "mirror" && event.need_ack()) event.put_ack_message(event.get_messages());
        if (event.get_name() == "decode" && event.need_ack()) {
            auto bytes = std::make_shared<const std::string>(from_base64(event.get_messages()[1]->get_string()));
            message::list answer(event.get_messages()[0]);
            answer.push(binary_message::create(bytes));
            event.put_ack_message(answer);
        }
    });
}

int main() {
    client client;
    client.set_reconnect_delay(1000); // 5 s if it is not set
    client.set_open_listener([] {});
    client.set_socket_open_listener([&](const std::string&) { tell("connect", string_message::create(client.get_sessionid())); });
    client.set_socket_close_listener([](const std::string&) { tell("disconnect"); });
    client.set_fail_listener([] { tell("gave up"); });
    for (std::string line; std::getline(std::cin, line);) {
        rapidjson::Document order;
        order.Parse(line.c_str());
        if (order["do"] == "connect") {
            const auto& how = order["how"];
            if (how["transport"] != "websocket") {
                tell("cannot", string_message::create("begin with polling"));
                continue;
            }
            client.connect(how["url"].GetString(), texts(how, "query"), texts(how, "headers"),
                           how.HasMember("auth") ? read(how["auth"]) : nullptr);
            // A socket that was asked for before has no auth.
            listen(client);
        } else {
            message::list args;
            for (const auto& arg : order["args"].GetArray()) args.push(read(arg));
            client.socket()->emit(order["event"].GetString(), args, [](const message::list& answer) { tell("answer", answer); });
        }
    }
    std::_Exit(0);
}
