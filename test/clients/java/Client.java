import io.socket.client.Ack;
import io.socket.client.IO;
import io.socket.client.Socket;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * A stock socket.io-client that does as it is told on standard input and tells what it sees, in JSON lines.
 *
 * <p>Binary is told as {"$base64": "…"}, in both directions. The orders are in ../driver.ts.
 */
final class Client {
  private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);
  private static Socket socket;

  public static void main(String[] none) throws Exception {
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      JSONObject order = new JSONObject(line);
      if (order.getString("do").equals("connect")) connect(order.getJSONObject("how"));
      else request(order.getString("event"), order.getJSONArray("args"));
    }
    System.exit(0);
  }

  private static void connect(JSONObject how) throws Exception {
    IO.Options options = new IO.Options();
    switch (how.getString("transport")) {
      case "polling" -> options.transports = new String[] {"polling"};
      case "websocket" -> options.transports = new String[] {"websocket"};
      default -> options.transports = new String[] {"polling", "websocket"};
    }
    if (how.has("auth")) {
      options.auth = new HashMap<>();
      JSONObject auth = how.getJSONObject("auth");
      for (String key : JSONObject.getNames(auth)) options.auth.put(key, auth.getString(key));
    }
    if (how.has("headers")) {
      Map<String, List<String>> headers = new HashMap<>();
      JSONObject given = how.getJSONObject("headers");
      for (String name : JSONObject.getNames(given))
        headers.put(name, Collections.singletonList(given.getString(name)));
      options.extraHeaders = headers;
    }
    if (how.has("query")) options.query = "token=" + how.getJSONObject("query").getString("token");
    socket = IO.socket(how.getString("url"), options);
    socket.on(Socket.EVENT_CONNECT, args -> tell("connect", socket.id()));
    socket.on(Socket.EVENT_CONNECT_ERROR, args -> tell("connect_error", args));
    socket.on(Socket.EVENT_DISCONNECT, args -> tell("disconnect", args));
    socket.onAnyIncoming(Client::received);
    socket.connect();
  }

  private static void received(Object... given) {
    List<Object> args = new ArrayList<>(Arrays.asList(given).subList(1, given.length));
    Ack ack = args.size() > 0 && args.get(args.size() - 1) instanceof Ack last ? last : null;
    if (ack != null) args.remove(args.size() - 1);
    tell(given[0].toString(), args.toArray());
    if (ack != null && given[0].equals("mirror")) ack.call(args.toArray());
    if (ack != null && given[0].equals("decode"))
      ack.call(args.get(0), Base64.getDecoder().decode(args.get(1).toString()));
  }

  private static void request(String event, JSONArray told) throws JSONException {
    Object[] args = new Object[told.length()];
    for (int i = 0; i < args.length; i++) args[i] = binary(told.get(i));
    socket.emit(event, args, (Ack) answer -> tell("answer", answer));
  }

  private static synchronized void tell(String event, Object... args) {
    try {
      JSONArray told = new JSONArray();
      for (Object arg : args) told.put(readable(arg));
      OUT.println(new JSONObject().put("event", event).put("args", told));
    } catch (JSONException impossible) {
      throw new IllegalStateException(impossible);
    }
  }

  private static Object readable(Object value) throws JSONException {
    if (value == null) return JSONObject.NULL;
    if (value instanceof byte[] bytes)
      return new JSONObject().put("$base64", Base64.getEncoder().encodeToString(bytes));
    if (value instanceof JSONArray list) {
      JSONArray readable = new JSONArray();
      for (int i = 0; i < list.length(); i++) readable.put(readable(list.get(i)));
      return readable;
    }
    if (value instanceof JSONObject object) {
      JSONObject readable = new JSONObject();
      String[] names = JSONObject.getNames(object);
      for (String name : names == null ? new String[0] : names) readable.put(name, readable(object.get(name)));
      return readable;
    }
    return value instanceof Number || value instanceof Boolean ? value : value.toString();
  }

  private static Object binary(Object value) throws JSONException {
    if (value instanceof JSONObject object) {
      if (object.has("$base64")) return Base64.getDecoder().decode(object.getString("$base64"));
      String[] names = JSONObject.getNames(object);
      for (String name : names == null ? new String[0] : names) object.put(name, binary(object.get(name)));
    } else if (value instanceof JSONArray list) {
      for (int i = 0; i < list.length(); i++) list.put(i, binary(list.get(i)));
    }
    return value;
  }
}
