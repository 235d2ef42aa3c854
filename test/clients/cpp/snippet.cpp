#include <sio_client.h>

#include <iostream>

int main(int, char** argv) {
    const std::string url = argv[1], token = argv[2], room = argv[3];

    sio::client client;
    auto auth = sio::object_message::create();
    auth->get_map()["token"] = sio::string_message::create(token);
    client.set_socket_open_listener([&](const std::string&) { // after each reconnect too: a new socket is in no room
        auto join = sio::object_message::create();
        join->get_map()["room"] = sio::string_message::create(room);
        client.socket()->emit("room:join", join, [](const sio::message::list&) { std::cout << "joined" << std::endl; });
    });
    client.connect(url, auth); // before the first client.socket(), which would have no auth
    client.socket()->on("news", [](sio::event& news) { std::cout << "news " << news.get_message()->get_string() << std::endl; });
    std::cin.get();
}
