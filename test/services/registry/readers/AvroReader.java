// Reads Avro messages whose schemas are in a registry, with Avro for Java, and prints them as kafka-avro-console-consumer
// does: in Avro's JSON encoding, where the value of a union says its type.
//
//   AvroReader consume REGISTRY [options of Kafka's console consumer]
//   AvroReader decode REGISTRY      messages on stdin, one a line: base64 [TAB base64 of the schema of the reader]

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.avro.AvroRuntimeException;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.DecoderFactory;
import org.apache.avro.io.EncoderFactory;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.common.MessageFormatter;

public class AvroReader {
  public static void main(String[] args) throws Exception {
    var output = new PrintStream(System.out, true, StandardCharsets.UTF_8);
    System.setOut(output);
    Registry.url = args[1];
    if (args[0].equals("consume")) {
      var formatter = Stream.of("--formatter", Formatter.class.getName());
      var consumer = Class.forName("org.apache.kafka.tools.consumer.ConsoleConsumer");
      String[] passed = Stream.concat(Stream.of(args).skip(2), formatter).toArray(String[]::new);
      consumer.getMethod("main", String[].class).invoke(null, (Object) passed);
      return;
    }
    var input = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      String[] parts = line.split("\t");
      Schema reader = parts.length < 2 ? null : new Schema.Parser().parse(new String(decoded(parts[1]), StandardCharsets.UTF_8));
      output.println(text(decoded(parts[0]), reader));
    }
  }

  static byte[] decoded(String base64) {
    return Base64.getDecoder().decode(base64);
  }

  /** The message in words, or why it cannot be read. */
  static String text(byte[] message, Schema reader) {
    if (message == null) return "null";
    try {
      var bytes = ByteBuffer.wrap(message);
      if (bytes.get() != 0) return "error: no magic byte";
      Schema writer = Registry.schema(bytes.getInt());
      Schema shown = reader == null ? writer : reader;
      var binary = DecoderFactory.get().binaryDecoder(message, bytes.position(), bytes.remaining(), null);
      Object value = new GenericDatumReader<Object>(writer, shown).read(null, binary);
      if (!binary.isEnd()) return "error: bytes behind the value";
      var output = new ByteArrayOutputStream();
      var json = EncoderFactory.get().jsonEncoder(shown, output);
      new GenericDatumWriter<Object>(shown).write(value, json);
      json.flush();
      return output.toString(StandardCharsets.UTF_8);
    } catch (IOException | AvroRuntimeException error) {
      return "error: " + String.valueOf(error.getMessage()).replace('\n', ' ');
    }
  }

  static class Registry {
    static String url;
    private static final HttpClient client = HttpClient.newHttpClient();
    private static final Map<Integer, Schema> known = new HashMap<>();

    static Schema schema(int id) throws IOException {
      Schema schema = known.get(id);
      if (schema != null) return schema;
      var request = HttpRequest.newBuilder(URI.create(url + "/schemas/ids/" + id)).build();
      try {
        var answer = client.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() != 200) throw new IOException("schema " + id + ": " + answer.body());
        schema = new Schema.Parser().parse(new ObjectMapper().readTree(answer.body()).get("schema").asText());
      } catch (InterruptedException error) {
        throw new IOException(error);
      }
      known.put(id, schema);
      return schema;
    }
  }

  public static class Formatter implements MessageFormatter {
    private boolean printsKey;

    @Override
    public void configure(Map<String, ?> configs) {
      printsKey = "true".equals(configs.get("print.key"));
    }

    @Override
    public void writeTo(ConsumerRecord<byte[], byte[]> record, PrintStream output) {
      String key = printsKey ? text(record.key(), null) + "\t" : "";
      output.println(key + text(record.value(), null));
    }
  }
}
