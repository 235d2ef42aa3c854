import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Socket;
import java.util.Arrays;
import java.util.Map;
import org.json.JSONObject;

final class Snippet {
  public static void main(String[] args) throws Exception {
    String url = args[0];
    String token = args[1];
    String room = args[2];

    IO.Options options = IO.Options.builder()
        .setTransports(new String[] {"websocket"}) // or leave it out: it begins with polling and upgrades
        .setAuth(Map.of("token", token))
        .build();
    Socket socket = IO.socket(url, options);
    socket.on(Socket.EVENT_CONNECT, none -> // after each reconnect too: a new socket is in no room
        socket.emit("room:join", new JSONObject(Map.of("room", room)),
            (Ack) answer -> System.out.println("joined " + answer[0])));
    socket.on("news", news -> System.out.println("news " + Arrays.toString(news)));
    socket.connect();
  }
}
