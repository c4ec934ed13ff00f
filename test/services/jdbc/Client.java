// What an application does over JDBC, and one line of output for each. Arguments: port, preferQueryMode.

import java.io.StringReader;
import java.io.StringWriter;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.postgresql.PGConnection;

public class Client {
  interface Work {
    void run() throws Exception;
  }

  public static void main(String[] arguments) throws Exception {
    Properties properties = new Properties();
    properties.put("user", "root");
    properties.put("preferQueryMode", arguments[1]);
    properties.put("prepareThreshold", "2");
    String url = "jdbc:postgresql://127.0.0.1:" + arguments[0] + "/defaultdb";
    try (Connection connection = DriverManager.getConnection(url, properties)) {
      table(connection);
      cursors(connection);
      ours(connection);
      copy(connection);
      cancelling(connection);
      // In the simple protocol the driver reads a result to its end before it shows a row.
      if (!arguments[1].equals("simple")) streaming(connection, url, properties);
      otherDatabase(connection);
      say("valid: " + connection.isValid(5));
    }
  }

  static void table(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.execute("CREATE TABLE jdbc (id INT PRIMARY KEY, name STRING, data BYTES)");
    }
    List<String> columns = new ArrayList<>();
    try (ResultSet rows = connection.getMetaData().getColumns(null, "public", "jdbc", "%")) {
      while (rows.next()) columns.add(rows.getString("COLUMN_NAME") + " " + rows.getString("TYPE_NAME"));
    }
    try (ResultSet rows = connection.getMetaData().getPrimaryKeys(null, "public", "jdbc")) {
      rows.next();
      say("columns: " + String.join(", ", columns) + "; key: " + rows.getString("COLUMN_NAME"));
    }
    List<String> counts = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement("UPSERT INTO jdbc VALUES (?, ?, ?)")) {
      for (int i = 0; i < 6; i++) {
        statement.setLong(1, i);
        statement.setString(2, "é" + i);
        statement.setBytes(3, new byte[] {(byte) i});
        counts.add(String.valueOf(statement.executeUpdate()));
      }
    }
    say("upserted: " + String.join(" ", counts));
    try (PreparedStatement statement = connection.prepareStatement("INSERT INTO jdbc (id, name) VALUES (?, ?)")) {
      for (int i = 10; i < 30; i++) {
        statement.setLong(1, i);
        statement.setString(2, "in a batch");
        statement.addBatch();
      }
      say("batch: " + statement.executeBatch().length);
    }
  }

  static void cursors(Connection connection) throws Exception {
    connection.setAutoCommit(false);
    try (PreparedStatement statement = connection.prepareStatement("SELECT generate_series(1, 1000)")) {
      statement.setFetchSize(100);
      say("fetched: " + count(statement.executeQuery()));
    }
    String twice = failure(() -> query(connection, "INSERT INTO jdbc VALUES (1) RETURNING id"));
    String after = failure(() -> query(connection, "SELECT 1"));
    String feed = failure(() -> query(connection, "EXPERIMENTAL CHANGEFEED FOR jdbc WITH initial_scan_only"));
    say("twice: " + twice + ", then " + after + ", then " + feed);
    connection.rollback();
    connection.setAutoCommit(true);
  }

  static void ours(Connection connection) throws Exception {
    List<String> counts = new ArrayList<>();
    List<String> settings = new ArrayList<>();
    String changefeed = "EXPERIMENTAL CHANGEFEED FOR jdbc WITH initial_scan = ?, envelope = ?";
    try (PreparedStatement statement = connection.prepareStatement(changefeed)) {
      for (int i = 0; i < 4; i++) {
        statement.setString(1, "only");
        statement.setString(2, "key_only");
        counts.add(String.valueOf(count(statement.executeQuery())));
      }
    }
    for (int i = 0; i < 4; i++) settings.add(query(connection, "SHOW CLUSTER SETTING kv.rangefeed.enabled"));
    say("changefeed: " + String.join(" ", counts));
    say("setting: " + String.join(" ", settings));
  }

  static void copy(Connection connection) throws Exception {
    var api = connection.unwrap(PGConnection.class).getCopyAPI();
    String into = "COPY jdbc (id, name) FROM STDIN";
    long in = api.copyIn(into, new StringReader("500\tx\n501\ty\n"));
    long out = api.copyOut("COPY jdbc TO STDOUT", new StringWriter());
    String wrong = failure(() -> api.copyIn(into, new StringReader("no number\tx\n")));
    say("copied in: " + in + ", out: " + out + ", wrong: " + wrong);
  }

  static void cancelling(Connection connection) throws Exception {
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(1);
      say("timeout: " + failure(() -> statement.executeQuery("SELECT pg_sleep(600)")));
    }
    connection.setAutoCommit(false);
    try (Statement statement = connection.createStatement()) {
      statement.setQueryTimeout(2);
      // Fewer rows than this exist: the driver waits for more, and its timer cancels.
      statement.setFetchSize(1000);
      say("changefeed that is cancelled: "
          + failure(() -> count(statement.executeQuery("EXPERIMENTAL CHANGEFEED FOR jdbc WITH envelope = key_only"))));
    }
    connection.rollback();
    connection.setAutoCommit(true);
  }

  /** Row by row while another connection writes; a wait for a row that does not come is cancelled from another thread. */
  static void streaming(Connection connection, String url, Properties properties) throws Exception {
    connection.setAutoCommit(false);
    try (Connection writer = DriverManager.getConnection(url, properties);
        Statement write = writer.createStatement();
        PreparedStatement scan = connection.prepareStatement("EXPERIMENTAL CHANGEFEED FOR jdbc WITH initial_scan_only, envelope = key_only");
        PreparedStatement feed = connection.prepareStatement("EXPERIMENTAL CHANGEFEED FOR jdbc WITH envelope = key_only")) {
      scan.setFetchSize(1);
      feed.setFetchSize(1);
      write.execute("UPDATE jdbc SET name = 'before' WHERE id = 1");
      ResultSet rows = scan.executeQuery();
      int count = 0;
      while (count < 5 && rows.next()) count++;
      rows.close();
      connection.rollback();
      ResultSet changes = feed.executeQuery();
      int existing = 0;
      while (existing < 28 && changes.next()) existing++;
      int changed = 0;
      for (; changed < 5; changed++) {
        write.execute("UPDATE jdbc SET name = 'changed' WHERE id = 1");
        if (!changes.next()) break;
      }
      Thread canceller = new Thread(() -> {
        try {
          Thread.sleep(500);
          connection.unwrap(PGConnection.class).cancelQuery();
        } catch (Exception error) {
          error.printStackTrace();
        }
      });
      canceller.start();
      String ended = failure(() -> changes.next());
      canceller.join();
      connection.rollback();
      say("streamed: " + count + " of a scan, " + changed + " changes, then " + ended + ", then " + query(connection, "SELECT 1"));
      connection.rollback();
    }
    connection.setAutoCommit(true);
  }

  static void otherDatabase(Connection connection) throws Exception {
    List<String> names = new ArrayList<>();
    try (PreparedStatement statement = connection.prepareStatement("SELECT current_database(), ?::int")) {
      for (int i = 0; i < 4; i++) {
        if (i == 3) {
          try (Statement use = connection.createStatement()) {
            use.execute("SET DATABASE = postgres");
          }
        }
        statement.setInt(1, i);
        ResultSet rows = statement.executeQuery();
        rows.next();
        names.add(rows.getString(1));
      }
    }
    say("database: " + String.join(" ", names.subList(0, 3)) + ", then " + names.get(3));
  }

  static String query(Connection connection, String sql) throws SQLException {
    try (Statement statement = connection.createStatement()) {
      ResultSet rows = statement.executeQuery(sql);
      rows.next();
      return rows.getString(1);
    }
  }

  static int count(ResultSet rows) throws SQLException {
    int count = 0;
    while (rows.next()) count++;
    return count;
  }

  static String failure(Work work) throws Exception {
    try {
      work.run();
      return "none";
    } catch (SQLException error) {
      return error.getSQLState();
    }
  }

  static void say(String line) {
    System.out.println(line);
  }
}
